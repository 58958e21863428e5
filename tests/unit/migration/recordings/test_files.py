"""Files as they lie there: packed, in other encodings, cut short, in folders, through pipes."""

import gzip
import json
import os
import threading
import zlib

import pytest
import zstandard

from migration.errors import RecordingError
from migration.recordings import BadLine, RecordedRun, files_of, read, size_of

LINES = "".join(
    json.dumps({"id": f"c-{number}", "messages": [{"role": "user", "content": "hé"}, {"role": "assistant", "content": "yes 😀"}]}) + "\n"
    for number in range(3)
)
PLAIN = LINES.encode()
LIST = json.dumps([json.loads(line) for line in LINES.splitlines()])


@pytest.mark.parametrize(
    "packed",
    [
        PLAIN,
        PLAIN.rstrip(b"\n"),
        PLAIN.replace(b"\n", b"\r\n\r\n"),
        b"\xef\xbb\xbf" + PLAIN,
        LINES.encode("utf-16"),
        "\ufeff".encode("utf-16-be") + LINES.encode("utf-16-be"),
        LINES.encode("utf-16-le"),
        LINES.encode("utf-32"),
        gzip.compress(PLAIN),
        gzip.compress(PLAIN[:100]) + gzip.compress(PLAIN[100:]),
        gzip.compress(LINES.encode("utf-16")),
        zstandard.compress(PLAIN),
        zstandard.compress(PLAIN[:100]) + zstandard.compress(PLAIN[100:]),
        zstandard.compress(b"\xef\xbb\xbf" + PLAIN),
        b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd" + zstandard.compress(PLAIN),
        zstandard.compress(PLAIN) + b"\x5e\x2a\x4d\x18\x00\x00\x00\x00",
        PLAIN.replace(b"\n", b""),
        PLAIN.replace(b"\n", b"\r"),
        "".join(json.dumps(json.loads(line), indent=2) for line in LINES.splitlines()).encode(),
        LIST.encode(),
        json.dumps(json.loads(LIST), indent=1).encode(),
        json.dumps(json.loads(LIST), indent=4, ensure_ascii=False).encode("utf-16"),
        LINES.replace("}]}\n", "}]}\n,").strip(",").join("[]").encode(),
        "".join(json.dumps(json.loads(line), indent=2) + "\n" for line in LINES.splitlines()).encode(),
    ],
)
def test_the_same_conversations_in_any_packing_are_the_same_runs(tmp_path, packed):
    (tmp_path / "file").write_bytes(packed)
    found = list(read(tmp_path / "file"))
    assert [one.label for one in found] == ["c-0 turn 1", "c-1 turn 1", "c-2 turn 1"]
    assert {one.answer for one in found} == {"yes 😀"}


def test_a_pipe_is_read_as_a_file_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(gzip.compress(PLAIN),))
    writer.start()
    assert [type(one) for one in read(pipe)] == [RecordedRun] * 3
    writer.join()


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_that_ends_early_gives_its_whole_lines_and_says_so(tmp_path, pack):
    # Incompressible ids, so that the cut falls behind the first lines.
    lines = [json.dumps(json.loads(LINES.splitlines()[0]) | {"id": os.urandom(40).hex()}) for _ in range(4000)]
    packed = pack("\n".join(lines).encode())
    (tmp_path / "file").write_bytes(packed[: len(packed) // 2])
    *whole, last = read(tmp_path / "file")
    assert len([one for one in whole if isinstance(one, RecordedRun)]) > 100
    assert isinstance(last, BadLine)
    assert last.line == len(whole) + 1 or "ends early" in last.reason or "not a JSON" in last.reason


@pytest.mark.parametrize("pack", [zlib.compressobj(wbits=31), zstandard.ZstdCompressor().compressobj()], ids=["gzip", "zstd"])
def test_a_packed_file_that_ends_early_between_two_lines_is_not_whole(tmp_path, pack):
    flush = [zlib.Z_SYNC_FLUSH] if hasattr(pack, "copy") else [zstandard.COMPRESSOBJ_FLUSH_BLOCK]
    (tmp_path / "file").write_bytes(pack.compress(PLAIN) + pack.flush(*flush))
    *whole, last = read(tmp_path / "file")
    assert [type(one) for one in whole] == [RecordedRun] * 3
    assert (last.line, last.reason) == (4, "the file ends early or is damaged: EOFError")


def test_what_follows_on_a_packed_file_costs_no_line_of_it(tmp_path):
    (tmp_path / "file").write_bytes(zstandard.compress(PLAIN) + b"garbage")
    *whole, last = read(tmp_path / "file")
    assert [type(one) for one in whole] == [RecordedRun] * 3
    assert "damaged" in last.reason


def test_an_error_is_named_so_that_it_can_be_looked_up(tmp_path):
    packed = bytearray(gzip.compress(PLAIN))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "file").write_bytes(packed)
    *_, last = read(tmp_path / "file")
    assert last.reason in {f"the file ends early or is damaged: {name}" for name in ("zlib.error", "BadGzipFile")}


@pytest.mark.parametrize("packed", [b"\x1f\x8b\x08", b"\x1f\x8bnothing", b"\x28\xb5\x2f\xfdnothing", b"\xff\xfe{\x00a"])
def test_a_file_that_is_damaged_from_its_first_bytes_on_is_one_bad_line(tmp_path, packed):
    (tmp_path / "file").write_bytes(packed)
    [bad] = read(tmp_path / "file")
    assert (bad.line, bad.file) == (1, str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("head", "what"), [(b"PAR1", "a Parquet file"), (b"SQLite format 3\x00", "a SQLite database"), (b"BZh9", "bzip2"), (b"%PDF-1.7", "PDF")]
)
def test_a_file_of_another_kind_is_named_as_what_it_is(tmp_path, head, what):
    (tmp_path / "file").write_bytes(head + b"\x00" * 20)
    with pytest.raises(RecordingError, match=what):
        next(read(tmp_path / "file"))


def test_a_file_that_is_not_there_says_which(tmp_path):
    with pytest.raises(RecordingError, match=r"cannot read .*gone\.jsonl"):
        next(read(tmp_path / "gone.jsonl"))
    with pytest.raises(RecordingError, match=r"cannot read .*gone\.jsonl"):
        files_of(tmp_path / "gone.jsonl")


def test_an_empty_file_holds_nothing(tmp_path):
    (tmp_path / "file").write_bytes(b"\n \n")
    assert list(read(tmp_path / "file")) == []


def test_a_folder_names_its_files_in_order_and_nothing_that_is_hidden_or_has_another_ending(tmp_path):
    for name in ("b.jsonl", "a/c.json.gz", "a/d.jsonl.zst", ".git/e.jsonl", "notes.md", "f.traj", "g.eval"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12")
    found = files_of(tmp_path)
    assert [str(one.relative_to(tmp_path)) for one in found] == ["a/c.json.gz", "a/d.jsonl.zst", "b.jsonl", "f.traj", "g.eval"]
    assert size_of(found) == 10
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match="no file in"):
        files_of(tmp_path / "empty")


def test_how_much_is_read_is_told_on_the_way(tmp_path):
    (tmp_path / "file").write_bytes(gzip.compress(PLAIN))
    told: list[int] = []
    list(read(tmp_path / "file", on_bytes=told.append))
    assert sum(told) == (tmp_path / "file").stat().st_size
