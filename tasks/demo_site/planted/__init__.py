"""Values that the demo's pages hold so that its report can say how many of them the safety review found."""
