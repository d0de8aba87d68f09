"""Methods of planting, one file each."""
