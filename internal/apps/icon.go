package apps

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
)

const (
	maxIcon  = 32 << 10 // bytes of an icon
	maxIcons = 32 << 20 // bytes of all icons
	// The size of an icon, in pixels. A small file can hold a huge picture.
	minPixels, maxPixels = 16, 512
)

// iconsIn returns what reads icons in a folder, and in no other: neither by .. nor
// by a link.
func iconsIn(folder string) func(path string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if !filepath.IsLocal(path) {
			return nil, errors.New("write a path that stays in the folder of the list")
		}
		root, err := os.OpenRoot(folder)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		info, err := root.Stat(path)
		switch {
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular():
			return nil, errors.New("it is not a file")
		}
		file, err := root.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return io.ReadAll(io.LimitReader(file, maxIcon+1))
	}
}

// addIcon reads and checks an icon, and returns its name.
func (l *List) addIcon(path string, read func(path string) ([]byte, error)) (name string, err error) {
	content, err := read(path)
	if err != nil {
		return "", err
	}
	if len(content) > maxIcon {
		return "", fmt.Errorf("%s is larger than %d KiB", quote(path), maxIcon>>10)
	}
	sum := sha256.Sum256(content)
	name = fmt.Sprintf("icon.%x.png", sum[:16])
	if _, known := l.icons[name]; known {
		return name, nil
	}
	if err := checkIcon(content); err != nil {
		return "", fmt.Errorf("%s %w", quote(path), err)
	}
	l.icons[name] = content
	return name, nil
}

func checkIcon(content []byte) error {
	header, err := png.DecodeConfig(bytes.NewReader(content))
	switch {
	case err != nil:
		return errors.New("is not a PNG")
	case header.Width != header.Height:
		return errors.New("is not a square")
	case header.Width < minPixels || header.Width > maxPixels:
		return fmt.Errorf("has %d pixels a side, not %d to %d", header.Width, minPixels, maxPixels)
	}
	if _, err := png.Decode(bytes.NewReader(content)); err != nil {
		return errors.New("is not a whole PNG")
	}
	return nil
}

// keepUsed forgets the icons that no app has any more, and returns an error if the
// others are too large together.
func (l *List) keepUsed() error {
	used := map[string]bool{}
	for _, app := range l.apps {
		used[app.Icon] = true
	}
	size := 0
	for name, content := range l.icons {
		if !used[name] {
			delete(l.icons, name)
			continue
		}
		size += len(content)
	}
	if size > maxIcons {
		return fmt.Errorf("the icons have more than %d MiB in all", maxIcons>>20)
	}
	return nil
}
