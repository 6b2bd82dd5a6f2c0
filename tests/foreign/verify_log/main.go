// Verify_log checks the public files of a transparency log with the library that guards Go's
// own modules, golang.org/x/mod/sumdb: nothing in it is taken from the program it checks.
//
//	verify_log -key VKEY [-cosigner VKEY]... [-old FILE]... [-proof FILE]... [FOLDER]
//
// Of FOLDER: the checkpoint and its signatures, every entry, every tile, and that the log begins
// with each checkpoint of -old. Of -proof FILE.tlog-proof: that FILE.entry is in the tree of the
// checkpoint in it. What was found goes to standard output as JSON; the first fault ends it.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height        = 8
	width         = 1 << height
	kindCosigner  = 4
	timeSize      = 8
	proofHeader   = "c2sp.org/tlog-proof@v1"
	proofSuffix   = ".tlog-proof"
	entrySuffix   = ".entry"
	checkpointTag = "cosignature/v1\ntime %d\n%s"
)

// A cosigner verifies lines of kind 4, which the note package does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }
func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != timeSize+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	message := fmt.Sprintf(checkpointTag, time, text)
	return ed25519.Verify(c.key, []byte(message), signature[timeSize:])
}

func newCosigner(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("malformed key %q", vkey)
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != kindCosigner {
		return nil, fmt.Errorf("not the key of a cosigner: %q", vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, fmt.Errorf("wrong id of the key %q", vkey)
	}
	return &cosigner{parts[0], hash, key[1:]}, nil
}

// Seen is a witness that has cosigned, and when.
type Seen struct {
	Name string `json:"name"`
	Time uint64 `json:"time"`
}

// Keys are those whose signatures count.
type Keys struct {
	log       note.Verifier
	cosigners []*cosigner
}

func (k *Keys) list() note.Verifiers {
	known := []note.Verifier{k.log}
	for _, c := range k.cosigners {
		known = append(known, c)
	}
	return note.VerifierList(known...)
}

// open verifies a checkpoint and every signature of a known key under it.
func (k *Keys) open(data []byte) (tlog.Tree, []Seen, error) {
	opened, err := note.Open(data, k.list())
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	isSigned, seen := false, []Seen{}
	for _, line := range opened.Sigs {
		if line.Name == k.log.Name() && line.Hash == k.log.KeyHash() {
			isSigned = true
			continue
		}
		signature, err := base64.StdEncoding.DecodeString(line.Base64)
		if err != nil {
			return tlog.Tree{}, nil, err
		}
		seen = append(seen, Seen{line.Name, binary.BigEndian.Uint64(signature[4:])})
	}
	if !isSigned {
		return tlog.Tree{}, nil, errors.New("the log has not signed the checkpoint")
	}
	tree, err := parseCheckpoint(opened.Text, k.log.Name())
	return tree, seen, err
}

func parseCheckpoint(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != origin {
		return tlog.Tree{}, errors.New("malformed checkpoint, or one of another origin")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("malformed size %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// A folder holds the public files of a log. The library's TileHashReader is not used: before
// version 0.40 of golang.org/x/mod it left up to two tiles unchecked (CVE-2026-56865). Here all
// hashes are made again of the entries, and each tile is compared with them.
type folder string

// path is that of tlog-tiles: without the height, and with "entries" for the library's "data".
func path(tile tlog.Tile) string {
	name := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	return "tile/" + strings.Replace(name, "data/", "entries/", 1)
}

func (f folder) tile(tile tlog.Tile) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(f), path(tile)))
	if err == nil && len(data) != tile.W*tlog.HashSize {
		err = fmt.Errorf("%s has %d bytes", path(tile), len(data))
	}
	return data, err
}

func (f folder) entries(tile tlog.Tile) ([][]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(f), path(tile)))
	if err != nil {
		return nil, err
	}
	entries := [][]byte{}
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s ends in the middle of an entry", path(tile))
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:end]), data[end:]
	}
	if len(entries) != tile.W {
		return nil, fmt.Errorf("%s has %d entries", path(tile), len(entries))
	}
	return entries, nil
}

// A memory holds the hashes made of the entries alone.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(m)) {
			return nil, fmt.Errorf("there is no hash %d", index)
		}
		hashes[i] = m[index]
	}
	return hashes, nil
}

// tilesOf lists the tiles of one level (-1: entries) of a tree, the partial one included.
func tilesOf(level int, count int64) []tlog.Tile {
	tiles := []tlog.Tile{}
	for n := int64(0); n*width < count; n++ {
		w := count - n*width
		if w > width {
			w = width
		}
		tiles = append(tiles, tlog.Tile{H: height, L: level, N: n, W: int(w)})
	}
	return tiles
}

// verifyEntries makes the tree again of the entries, and compares each with the hash in its tile.
func (f folder) verifyEntries(tree tlog.Tree) (memory, error) {
	hashes := memory{}
	for _, tile := range tilesOf(-1, tree.N) {
		entries, err := f.entries(tile)
		if err != nil {
			return nil, err
		}
		leaves, err := f.tile(tlog.Tile{H: height, L: 0, N: tile.N, W: tile.W})
		if err != nil {
			return nil, err
		}
		for i, entry := range entries {
			index, hash := tile.N*width+int64(i), tlog.RecordHash(entry)
			if !bytes.Equal(hash[:], leaves[i*tlog.HashSize:(i+1)*tlog.HashSize]) {
				return nil, fmt.Errorf("entry %d is not the one in its tile", index)
			}
			more, err := tlog.StoredHashes(index, entry, hashes)
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, more...)
		}
	}
	root, err := tlog.TreeHash(tree.N, hashes)
	if err == nil && root != tree.Hash {
		err = errors.New("the entries lead to another root than the checkpoint's")
	}
	return hashes, err
}

// verifyTiles compares every tile with the hashes made of the entries.
func (f folder) verifyTiles(tree tlog.Tree, hashes memory) (int, error) {
	count := 0
	for level := 0; tree.N>>(height*level) > 0; level++ {
		for _, tile := range tilesOf(level, tree.N>>(height*level)) {
			data, err := f.tile(tile)
			if err != nil {
				return 0, err
			}
			made, err := tlog.ReadTileData(tile, hashes)
			if err != nil {
				return 0, err
			}
			if !bytes.Equal(made, data) {
				return 0, fmt.Errorf("%s is not the tile of the entries", path(tile))
			}
			count++
		}
	}
	return count, nil
}

// verifyGrowth proves from the entries that the log begins with an older one.
func verifyGrowth(old, tree tlog.Tree, hashes memory) error {
	if old.N == 0 || old.N > tree.N {
		return fmt.Errorf("a log of %d entries does not continue one of %d", tree.N, old.N)
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// verifyProof checks one proof file, without the folder.
func verifyProof(name string, keys *Keys) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(strings.TrimSuffix(name, proofSuffix) + entrySuffix)
	if err != nil {
		return err
	}
	head, checkpoint, isWhole := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !isWhole || lines[0] != proofHeader || len(lines) < 2 {
		return errors.New("malformed proof")
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return errors.New("malformed proof: no index")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return err
	}
	proof := tlog.RecordProof{}
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	tree, _, err := keys.open([]byte(checkpoint))
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

// Found is what the program says of a log that it has verified.
type Found struct {
	Size      int64   `json:"size"`
	Root      string  `json:"root"`
	Tiles     int     `json:"tiles"`
	Cosigned  []Seen  `json:"cosigned"`
	Continues []int64 `json:"continues"`
	Proofs    int     `json:"proofs"`
}

func (found *Found) verifyFolder(f folder, keys *Keys, olds []string) error {
	data, err := os.ReadFile(filepath.Join(string(f), "checkpoint"))
	if err != nil {
		return err
	}
	tree, seen, err := keys.open(data)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	found.Size, found.Root, found.Cosigned = tree.N, tree.Hash.String(), seen
	hashes, err := f.verifyEntries(tree)
	if err != nil {
		return err
	}
	if found.Tiles, err = f.verifyTiles(tree, hashes); err != nil {
		return err
	}
	for _, name := range olds {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		old, _, err := keys.open(data)
		if err == nil {
			err = verifyGrowth(old, tree, hashes)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		found.Continues = append(found.Continues, old.N)
	}
	return nil
}

func run() error {
	keys, olds, proofs := &Keys{}, []string{}, []string{}
	flag.Func("key", "the key of the log", func(vkey string) (err error) {
		keys.log, err = note.NewVerifier(vkey)
		return err
	})
	flag.Func("cosigner", "the key of a witness", func(vkey string) error {
		known, err := newCosigner(vkey)
		keys.cosigners = append(keys.cosigners, known)
		return err
	})
	flag.Func("old", "an older checkpoint", func(name string) error {
		olds = append(olds, name)
		return nil
	})
	flag.Func("proof", "a proof file", func(name string) error {
		proofs = append(proofs, name)
		return nil
	})
	flag.Parse()
	if keys.log == nil || flag.NArg() > 1 {
		return errors.New("use: verify_log -key VKEY [-cosigner VKEY] [-old FILE] [-proof FILE] [FOLDER]")
	}
	found := &Found{Cosigned: []Seen{}, Continues: []int64{}}
	if flag.NArg() == 1 {
		if err := found.verifyFolder(folder(flag.Arg(0)), keys, olds); err != nil {
			return err
		}
	}
	for _, name := range proofs {
		if err := verifyProof(name, keys); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		found.Proofs++
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
