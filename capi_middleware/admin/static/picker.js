// The point-and-click bar.
