module github.com/ocilayout/ocilayout/go

// AddCleanup is of 1.24.
go 1.24.0
