"""Protobuf's wire format by its definition, so that what a test sends does not lean on what it tests."""


def field(number: int, value: int | str | bytes) -> bytes:
    """One field: a number as a varint, a text or a message with its length in front."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
