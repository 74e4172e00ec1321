module ocilayout.example/ours-go

go 1.24.0

require github.com/ocilayout/ocilayout/go v0.1.0

replace github.com/ocilayout/ocilayout/go => ../../go
