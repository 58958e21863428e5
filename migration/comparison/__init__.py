"""Two streams in, classified divergences and a verdict out."""
