"""Many files in many styles: what is to be drawn, who draws it, and a manifest of what is done.

    inputs --sources--> Source --plan--> Item --executor--> Worker --> Result --run--> manifest.jsonl

An item is one input with all the styles that are wanted of it, as one inversion serves them all.
"""
