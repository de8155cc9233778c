// Go's own note and tlog packages (golang.org/x/mod/sumdb, which verify the checksum database of every Go build) on a log.
//
// Reads the evidence that live.py collected, and the log's tiles by HTTP. The path of a tile lacks the height that Go's own
// tiles name ("tile/8/0/..." is "tile/0/..." in C2SP); nothing else is adapted.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type evidence struct {
	URL         string   `json:"url"`
	Vkey        string   `json:"vkey"`
	Checkpoints []string `json:"checkpoints"`
	Proofs      []struct {
		Seq, Size int64
		Note      string
		Leaf      []byte
		Path      [][]byte
	} `json:"proofs"`
	Growths []struct {
		Old, New           int64
		OldRoot, NewRoot []byte
		Path               [][]byte
	} `json:"growths"`
}

type counts struct {
	Checkpoints int `json:"checkpoints"`
	Proofs      int `json:"proofs"`
	Growths     int `json:"growths"`
	Leaves      int `json:"leaves"`
	Refused     int `json:"refused"`
}

func main() {
	var given evidence
	must(json.NewDecoder(os.Stdin).Decode(&given))
	verifier, err := note.NewVerifier(given.Vkey)
	must(err)
	known := note.VerifierList(verifier)
	var done counts

	var newest tlog.Tree
	for _, text := range given.Checkpoints {
		tree := open(text, known, verifier.Name())
		root, err := tlog.TreeHash(tree.N, reader(given.URL, tree))
		must(err)
		expect(root == tree.Hash, "the tiles of %d entries give another root", tree.N)
		_, err = note.Open([]byte(strings.Replace(text, "\n", "x\n", 1)), known)
		done.Refused += refused(err)
		done.Checkpoints++
		newest = tree
	}
	for _, proof := range given.Proofs {
		tree := open(proof.Note, known, verifier.Name())
		expect(tree.N == proof.Size, "a proof's checkpoint is of %d entries, not %d", tree.N, proof.Size)
		path := hashes(proof.Path)
		must(tlog.CheckRecord(path, tree.N, tree.Hash, proof.Seq, tlog.RecordHash(proof.Leaf)))
		made, err := tlog.ProveRecord(tree.N, proof.Seq, reader(given.URL, tree))
		must(err)
		expect(slices.Equal(made, path), "the tiles give another path of %d in %d", proof.Seq, tree.N)
		done.Refused += refused(tlog.CheckRecord(path, tree.N, tree.Hash, proof.Seq, tlog.RecordHash(append(proof.Leaf, 0))))
		done.Proofs++
	}
	for _, growth := range given.Growths {
		path, old, new := hashes(growth.Path), hash(growth.OldRoot), hash(growth.NewRoot)
		must(tlog.CheckTree(path, growth.New, new, growth.Old, old))
		made, err := tlog.ProveTree(growth.New, growth.Old, reader(given.URL, tlog.Tree{N: growth.New, Hash: new}))
		must(err)
		expect(slices.Equal(made, path), "the tiles give another growth from %d to %d", growth.Old, growth.New)
		done.Refused += refused(tlog.CheckTree(path, growth.New, new, growth.Old, new))
		done.Growths++
	}
	done.Leaves = audit(given.URL, newest)
	must(json.NewEncoder(os.Stdout).Encode(done))
}

// The tree that a checkpoint's text tells. tlog.ParseTree reads the checksum database's own head line only.
func open(text string, known note.Verifiers, name string) tlog.Tree {
	opened, err := note.Open([]byte(text), known)
	must(err)
	expect(len(opened.Sigs) == 1 && opened.Sigs[0].Name == name, "the checkpoint is not signed by %s alone", name)
	lines := strings.Split(opened.Text, "\n")
	expect(len(lines) >= 4 && lines[0] == name, "the checkpoint's origin is not %s", name)
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	return tlog.Tree{N: size, Hash: root}
}

// Hashes every leaf that the log serves into a tree of Go's own making.
func audit(url string, tree tlog.Tree) int {
	var stored []tlog.Hash
	own := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for seq := int64(0); seq < tree.N; {
		tile := tlog.Tile{H: 8, L: 0, N: seq / 256, W: int(min(256, tree.N-seq))}
		data := get(url + strings.Replace("/"+tile.Path(), "/tile/8/0/", "/tile/entries/", 1))
		for ; len(data) > 0; seq++ {
			length := int(data[0])<<8 | int(data[1])
			made, err := tlog.StoredHashes(seq, data[2:2+length], own)
			must(err)
			stored, data = append(stored, made...), data[2+length:]
		}
	}
	root, err := tlog.TreeHash(tree.N, own)
	must(err)
	expect(root == tree.Hash, "the leaves of %d entries give another root", tree.N)
	return int(tree.N)
}

type tiles string

func (url tiles) Height() int                       { return 8 }
func (url tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (url tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		found = append(found, get(string(url)+strings.Replace("/"+tile.Path(), "/tile/8/", "/tile/", 1)))
	}
	return found, nil
}

func reader(url string, tree tlog.Tree) tlog.HashReader {
	return tlog.TileHashReader(tree, tiles(url))
}

var fetched = map[string][]byte{}

func get(url string) []byte {
	if found, ok := fetched[url]; ok {
		return bytes.Clone(found)
	}
	answer, err := http.Get(url)
	must(err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	must(err)
	expect(answer.StatusCode == 200, "%s: %s", url, answer.Status)
	fetched[url] = data
	return bytes.Clone(data)
}

func hashes(raw [][]byte) []tlog.Hash {
	var found []tlog.Hash
	for _, one := range raw {
		found = append(found, hash(one))
	}
	return found
}

func hash(raw []byte) tlog.Hash {
	found, err := tlog.ParseHash(base64.StdEncoding.EncodeToString(raw))
	must(err)
	return found
}

func refused(err error) int {
	expect(err != nil, "something false was accepted")
	return 1
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func expect(holds bool, format string, values ...any) {
	if !holds {
		must(fmt.Errorf(format, values...))
	}
}
