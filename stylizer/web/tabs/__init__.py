"""The tabs of the page: one class in one file each; see `stylizer.web.page.TABS`."""
