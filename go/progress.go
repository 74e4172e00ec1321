package ocilayout

// Progress says how far a long call has come. It is told on the goroutine that called,
// at most ten times a second, and once more at the end.
type Progress struct {
	// BytesDone is how many bytes of the sources, or of the blobs that are looked at,
	// are done, and BytesTotal how many there are in all; -1 while that is not known.
	BytesDone, BytesTotal int64
	// ItemsDone is how many blobs are done, or of a directory how many files, and
	// ItemsTotal how many there are in all; -1 while that is not known.
	ItemsDone, ItemsTotal int64
}
