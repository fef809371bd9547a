/*
 * Signed numbers in sevens, low bits first, the sign in the lowest bit: how records write their lengths (varint, 32 bits) and timestamps
 * (varlong, 64 bits). Reading is done in place by RecordCursor.
 */

/** Doubles beyond it (a timestamp in nanoseconds beside one in milliseconds) are taken apart as bigints. */
const MAX_EXACT = 2 ** 52

export function sizeOfVarint(value: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  let size = 1
  while (raw >= 128) {
    raw >>>= 7
    size++
  }
  return size
}

/** Returns the position behind what it has written. */
export function writeVarint(target: Uint8Array, start: number, value: number): number {
  let at = start
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  while (raw >= 128) {
    target[at++] = (raw & 127) | 128
    raw >>>= 7
  }
  target[at++] = raw
  return at
}

export function sizeOfVarlong(value: number): number {
  if (value === (value | 0)) return sizeOfVarint(value)
  if (Math.abs(value) >= MAX_EXACT) {
    let size = 1
    for (let raw = zigzag64(value); raw >= 128n; raw >>= 7n) size++
    return size
  }
  let size = 1
  for (let raw = value < 0 ? -2 * value - 1 : 2 * value; raw >= 128; raw = Math.floor(raw / 128)) size++
  return size
}

/** Returns the position behind what it has written. */
export function writeVarlong(target: Uint8Array, start: number, value: number): number {
  if (value === (value | 0)) return writeVarint(target, start, value)
  let at = start
  if (Math.abs(value) >= MAX_EXACT) {
    let raw = zigzag64(value)
    for (; raw >= 128n; raw >>= 7n) target[at++] = Number(raw & 127n) | 128
    target[at++] = Number(raw)
    return at
  }
  let raw = value < 0 ? -2 * value - 1 : 2 * value
  for (; raw >= 128; raw = Math.floor(raw / 128)) target[at++] = (raw % 128) | 128
  target[at++] = raw
  return at
}

function zigzag64(value: number): bigint {
  const whole = BigInt.asIntN(64, BigInt(value))
  return BigInt.asUintN(64, (whole << 1n) ^ (whole >> 63n))
}
