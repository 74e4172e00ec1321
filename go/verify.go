package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import "context"

// VerifyOptions say how a layout is verified; nil is the same as none: in full.
type VerifyOptions struct {
	// Quick hashes manifests, indexes and image configs alone. Of other blobs only the
	// size is looked at, which takes no time.
	Quick bool
	// MissingAllowed: blobs may be missing, as in a sparse layout.
	MissingAllowed bool
	// Progress is told how far the call has come.
	Progress func(Progress)
}

// A FindingKind says what is wrong. Kinds are only ever added.
type FindingKind int32

const (
	// Missing: what something points at is not there, or one of the files that every
	// layout has.
	Missing FindingKind = C.OCILAYOUT_FINDING_MISSING
	// Unreadable: something other than a regular file stands there, or the system
	// refuses to read it.
	Unreadable FindingKind = C.OCILAYOUT_FINDING_UNREADABLE
	// WrongSize: the blob is not as long as what points at it says.
	WrongSize FindingKind = C.OCILAYOUT_FINDING_SIZE
	// WrongDigest: the content of the blob is not that of its digest.
	WrongDigest FindingKind = C.OCILAYOUT_FINDING_DIGEST
	// Malformed: the document breaks the image-spec, is over 64 MiB, or is an index that
	// nests more than 32 deep.
	Malformed FindingKind = C.OCILAYOUT_FINDING_MALFORMED
	// Contradictory: two places say of the blob what cannot both be so.
	Contradictory FindingKind = C.OCILAYOUT_FINDING_CONTRADICTORY
	// Leftover: something under blobs that has no digest as its name, or what a writer
	// that was killed left in the root of the layout.
	Leftover FindingKind = C.OCILAYOUT_FINDING_LEFTOVER
)

// A Finding is one thing that is wrong with a layout.
type Finding struct {
	Kind FindingKind
	// Path is what it was found on, from the root of the layout on.
	Path string
	// Digest by which the blob is named, if it was found on a blob.
	Digest Digest
	// Message says what was expected and what was found, in one line for a person.
	Message string
	// ReferencedBy are the places that point at the blob: digests of documents, or
	// index.json.
	ReferencedBy []string
}

// Verify verifies all that is in a layout: oci-layout and index.json, each document from
// there on, and each blob, whether anything points at it or not. What is wrong with the
// layout is no error but a finding, sorted by path; a sound layout has none.
//
// Every blob is hashed once, on all cores or as Layout.SetThreads says. It writes nothing
// and waits for nobody, and others may edit the layout meanwhile.
func (l *Layout) Verify(ctx context.Context, options *VerifyOptions) (findings []Finding, err error) {
	if options == nil {
		options = new(VerifyOptions)
	}
	var flags C.uint64_t
	if options.Quick {
		flags |= C.OCILAYOUT_VERIFY_QUICK
	}
	if options.MissingAllowed {
		flags |= C.OCILAYOUT_VERIFY_MISSING_ALLOWED
	}
	err = l.call(ctx, func(c *call) error {
		var out *C.ocilayout_findings
		defer func() { C.ocilayout_findings_free(out) }()
		tell, telling := c.progress(options.Progress)
		if err := c.do(func() C.ocilayout_status {
			return C.ocilayout_verify(c.layout, flags, tell, telling, &out, &c.failure)
		}); err != nil {
			return err
		}
		for i := range C.ocilayout_findings_count(out) {
			finding := C.ocilayout_findings_at(out, i)
			found := Finding{
				Kind:    FindingKind(C.ocilayout_finding_kind(finding)),
				Path:    C.GoString(C.ocilayout_finding_path(finding)),
				Digest:  Digest(C.GoString(C.ocilayout_finding_digest(finding))),
				Message: C.GoString(C.ocilayout_finding_message(finding)),
			}
			for i := range C.ocilayout_finding_referenced_count(finding) {
				place := C.GoString(C.ocilayout_finding_referenced_at(finding, i))
				found.ReferencedBy = append(found.ReferencedBy, place)
			}
			findings = append(findings, found)
		}
		return nil
	})
	return findings, err
}
