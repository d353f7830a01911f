module stack

go 1.26
