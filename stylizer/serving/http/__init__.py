"""What stands between the network and the page: who may ask, from where and how much, and how answers go out."""
