.PHONY: test lint cross
test:
	go test -race ./...
lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	go mod tidy -diff
cross:
	for os in linux darwin windows; do for arch in amd64 arm64; do GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 go build ./... || exit 1; done; done
