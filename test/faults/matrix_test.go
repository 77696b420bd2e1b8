package faults

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each test that docs/crash-matrix.md names is there, so the page cannot promise
// what nothing shows any more.
func TestMatrix(t *testing.T) {
	t.Parallel()
	const root = "../.."
	there := map[string]bool{} // package.Test
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(src, -1) {
			there[filepath.Base(filepath.Dir(path))+"."+string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "crash-matrix.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(\\w+\\.Test\\w+)`").FindAllSubmatch(page, -1)
	if len(named) < 50 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, m := range named {
		if !there[string(m[1])] {
			t.Errorf("docs/crash-matrix.md names %s, which is nowhere", m[1])
		}
	}
	if all, understood := strings.Count(string(page), "Test"), len(named); all != understood {
		t.Errorf("docs/crash-matrix.md says Test %d times and names %d tests: name them as `package.TestName`", all, understood)
	}
}
