// Package layout reads and writes image layouts.
package layout
