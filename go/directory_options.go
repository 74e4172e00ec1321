package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import "time"

// Owners say whose the files of a layer are.
type Owners int32

const (
	// OwnersKept: those who own them here.
	OwnersKept Owners = C.OCILAYOUT_OWNERS_KEPT
	// OwnersRoot: user 0 and group 0.
	OwnersRoot Owners = C.OCILAYOUT_OWNERS_ROOT
)

// DirectoryOptions say how a directory becomes a layer; nil is the same as none: all
// is told as it stands there, files of all kinds but sockets, with their modes, owners,
// times in whole seconds and extended attributes.
type DirectoryOptions struct {
	// Clamp is the latest time of modification that is told, if it is not zero: later
	// ones become it.
	Clamp time.Time
	// SourceDateEpoch clamps to the time that the environment variable
	// SOURCE_DATE_EPOCH says, if it is set.
	SourceDateEpoch bool
	// Owners say whose the files are.
	Owners Owners
	// Users and Groups map owners, as for a user namespace. A file whose user or group
	// is in no range is then refused.
	Users, Groups []IDRange
	// Patterns leave out what they match, and a directory with all that is in it. Of
	// several that match, the last decides.
	Patterns []Pattern
	// Sparse tells the holes of sparse files as holes, which not every tool reads.
	Sparse bool
}

// An IDRange maps Length users or groups from From on to those from To on.
type IDRange struct {
	From, To, Length uint32
}

// A Pattern is matched against the path below the directory, such as usr/lib/x: in it *
// and ? stop at a slash, ** does not, {a,b} and [a-z] choose, a backslash takes what
// follows as it is.
type Pattern struct {
	Glob string
	// Include tells what matches although an earlier pattern leaves it out.
	Include bool
}

// directoryOptions are options of the library's, NULL for nil.
func (c *call) directoryOptions(o *DirectoryOptions) (made *C.ocilayout_directory_options) {
	if o == nil {
		return nil
	}
	set := func(function func() C.ocilayout_status) {
		if err := c.do(function); err != nil {
			c.refuse(err)
		}
	}
	set(func() C.ocilayout_status { return C.ocilayout_directory_options_new(&made, &c.failure) })
	c.later(func() { C.ocilayout_directory_options_free(made) })
	if !o.Clamp.IsZero() {
		set(func() C.ocilayout_status {
			return C.ocilayout_directory_options_set_clamp(made, C.int64_t(o.Clamp.Unix()), &c.failure)
		})
	}
	if o.SourceDateEpoch {
		set(func() C.ocilayout_status {
			return C.ocilayout_directory_options_set_source_date_epoch(made, &c.failure)
		})
	}
	if o.Owners != OwnersKept {
		set(func() C.ocilayout_status {
			return C.ocilayout_directory_options_set_owners(made, C.int32_t(o.Owners), &c.failure)
		})
	}
	for _, of := range o.Users {
		set(func() C.ocilayout_status {
			return C.ocilayout_directory_options_map_users(made, C.uint32_t(of.From), C.uint32_t(of.To), C.uint32_t(of.Length), &c.failure)
		})
	}
	for _, of := range o.Groups {
		set(func() C.ocilayout_status {
			return C.ocilayout_directory_options_map_groups(made, C.uint32_t(of.From), C.uint32_t(of.To), C.uint32_t(of.Length), &c.failure)
		})
	}
	for _, pattern := range o.Patterns {
		text := c.text("pattern", pattern.Glob)
		set(func() C.ocilayout_status {
			if pattern.Include {
				return C.ocilayout_directory_options_include(made, text, &c.failure)
			}
			return C.ocilayout_directory_options_exclude(made, text, &c.failure)
		})
	}
	if o.Sparse {
		set(func() C.ocilayout_status {
			return C.ocilayout_directory_options_set_flags(made, C.OCILAYOUT_DIRECTORY_SPARSE, &c.failure)
		})
	}
	return made
}
