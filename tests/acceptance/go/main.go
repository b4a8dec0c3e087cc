// Reads a Muniment ledger as C2SP tiles, from a folder or over HTTP, with code that Muniment's authors did not write:
// golang.org/x/mod/sumdb/note opens the checkpoint, golang.org/x/mod/sumdb/tlog checks every tile and every proof, and
// github.com/transparency-dev/formats verifies cosignatures.
//
//	reader [-cosigner VKEY]... FOLDER|URL VKEY [RECEIPT]
//
// It prints "size root" after it has opened the checkpoint in FOLDER (or below URL) with VKEY, checked all tiles and all entries against its
// root, and proved each of at most 64 entries spread over the log. With RECEIPT, a C2SP tlog-proof, it also verifies that, with
// the entry that it is about read from the tiles. Each cosigner whose line (cosignature/v1) on the checkpoint verifies is printed
// in a line of its own; a line of his that does not verify is an error.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	cosignatures "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

// folder reads tiles from a folder or a server, each once: saved are those that were checked. C2SP names them like tlog does,
// without the height, and entries instead of data.
type folder struct {
	place string
	saved map[tlog.Tile][]byte
}

// read returns the bytes of one resource, such as "checkpoint". A server that is asked too often says when to come again.
func (f folder) read(name string) ([]byte, error) {
	if !strings.HasPrefix(f.place, "http://") {
		return os.ReadFile(filepath.Join(f.place, name))
	}
	for {
		answer, err := http.Get(f.place + "/" + name)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		wait, failed := strconv.Atoi(answer.Header.Get("Retry-After"))
		if answer.StatusCode == http.StatusTooManyRequests && failed == nil {
			time.Sleep(time.Duration(wait) * time.Second)
			continue
		}
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", name, answer.Status)
		}
		return data, err
	}
}

func (f folder) Height() int { return height }

func (f folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for n, tile := range tiles {
		f.saved[tile] = data[n]
	}
}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, known := f.saved[tile]
		if !known {
			var err error
			if data, err = f.read(path(tile)); err != nil {
				return nil, err
			}
		}
		all = append(all, data)
	}
	return all, nil
}

func path(tile tlog.Tile) string {
	return strings.Replace(strings.Replace(tile.Path(), "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

// entries reads the bundle of entries that begins at first.
func (f folder) entries(first, size int64) ([][]byte, error) {
	count := min(width, size-first)
	data, err := f.read(path(tlog.Tile{H: height, L: -1, N: first / width, W: int(count)}))
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("a bundle is cut off")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		found, data = append(found, data[2:end]), data[end:]
	}
	if int64(len(found)) != count {
		return nil, fmt.Errorf("a bundle holds %d entries instead of %d", len(found), count)
	}
	return found, nil
}

// open verifies a signed checkpoint, and returns its tree and the names of those cosigners who signed it.
func open(raw []byte, vkey string, cosigners []string) (tlog.Tree, []string, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	all := []note.Verifier{verifier}
	for _, each := range cosigners {
		cosigner, err := cosignatures.NewVerifierForCosignatureV1(each)
		if err != nil {
			return tlog.Tree{}, nil, err
		}
		all = append(all, cosigner)
	}
	opened, err := note.Open(raw, note.VerifierList(all...))
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	var names []string
	signed := false
	for _, each := range opened.Sigs {
		if each.Name == verifier.Name() && each.Hash == verifier.KeyHash() {
			signed = true
		} else {
			names = append(names, each.Name)
		}
	}
	if !signed {
		return tlog.Tree{}, nil, errors.New("the log itself has not signed the checkpoint")
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, nil, errors.New("the checkpoint is of another origin")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, nil, errors.New("the checkpoint has no root")
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}, names, nil
}

// checkEntries compares every entry with its leaf in the tiles, which the reader has checked against the root.
func checkEntries(f folder, tree tlog.Tree, reader tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += width {
		found, err := f.entries(first, tree.N)
		if err != nil {
			return err
		}
		indexes := make([]int64, len(found))
		for n := range found {
			indexes[n] = tlog.StoredHashIndex(0, first+int64(n))
		}
		leaves, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for n, entry := range found {
			if leaves[n] != tlog.RecordHash(entry) {
				return fmt.Errorf("entry %d is not the one in the tree", first+int64(n))
			}
		}
	}
	return nil
}

// checkProofs proves entries spread over the log, and that the log grew from its first half.
func checkProofs(tree tlog.Tree, reader tlog.HashReader) error {
	for n := int64(0); n < tree.N; n += max(1, tree.N/63) {
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, n, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaf[0]); err != nil {
			return err
		}
	}
	if tree.N < 2 {
		return nil
	}
	half, err := tlog.TreeHash(tree.N/2, reader)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, tree.N/2, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, tree.N/2, half)
}

// checkReceipt verifies a C2SP tlog-proof, with the entry from the tiles.
func checkReceipt(f folder, raw []byte, vkey string) error {
	head, checkpoint, found := strings.Cut(string(raw), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("this is no receipt")
	}
	tree, _, err := open([]byte(checkpoint), vkey, nil)
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	bundle, err := f.entries(index/width*width, tree.N)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(bundle[index%width]))
}

func run(arguments, cosigners []string) error {
	if len(arguments) < 2 || len(arguments) > 3 {
		return errors.New("usage: reader [-cosigner VKEY]... FOLDER|URL VKEY [RECEIPT]")
	}
	f := folder{arguments[0], map[tlog.Tile][]byte{}}
	raw, err := f.read("checkpoint")
	if err != nil {
		return err
	}
	tree, names, err := open(raw, arguments[1], cosigners)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, f)
	if err := checkEntries(f, tree, reader); err != nil {
		return err
	}
	if err := checkProofs(tree, reader); err != nil {
		return err
	}
	if len(arguments) == 3 {
		receipt, err := os.ReadFile(arguments[2])
		if err != nil {
			return err
		}
		if err := checkReceipt(f, receipt, arguments[1]); err != nil {
			return err
		}
	}
	fmt.Printf("%d %x\n", tree.N, tree.Hash[:])
	for _, each := range names {
		fmt.Println(each)
	}
	return nil
}

func main() {
	var cosigners []string
	flag.Func("cosigner", "the `VKEY` of somebody who may have cosigned", func(vkey string) error {
		cosigners = append(cosigners, vkey)
		return nil
	})
	flag.Parse()
	if err := run(flag.Args(), cosigners); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
