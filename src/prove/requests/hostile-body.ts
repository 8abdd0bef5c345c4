import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Random } from '../../random.ts'
import type { Draft } from './draft.ts'
import { bodyOf } from './draft.ts'
import { hostileText, hostileValue } from './hostile-values.ts'
import type { Json } from './json.ts'

/** Changes one member of a JSON body, or its whole. @returns what was changed */
export function changeJson(draft: Draft, mark: string, random: Random): string {
  if (draft.body === undefined || !('json' in draft.body)) {
    draft.body = { json: hostileValue(mark, random) }
    return 'a body out of place'
  }
  const places = [...placesOf(draft.body.json)]
  const place = random.pick(places)
  const what = random.int(7)
  const { json } = draft.body
  const name =
    place.length === 0
      ? 'the body'
      : place
          .join('/')
          .replace(/[^\w/-]/g, '?')
          .slice(0, 80)
  if (what === 0 && place.length > 0) {
    draft.body = { json: changeAt(json, place, () => undefined) }
    return `${name} left out`
  }
  if (what === 1) {
    const key = random.pick(['extra', '__proto__', 'constructor', mark, hostileText(mark, random)])
    draft.body = { json: changeAt(json, place, (value) => withMember(value, key, hostileValue(mark, random))) }
    return `${name} with a member more`
  }
  if (what === 2) {
    draft.body = { json: changeAt(json, place, (value) => (Array.isArray(value) ? [...value, ...value] : [value])) }
    return `${name} as a list`
  }
  if (what <= 4) {
    draft.body = { json: changeAt(json, place, () => hostileText(mark, random)) }
    return `${name} another text`
  }
  draft.body = { json: changeAt(json, place, () => hostileValue(mark, random)) }
  return `${name} something else`
}

type Place = readonly (string | number)[]

function* placesOf(value: Json, here: Place = []): Generator<Place> {
  yield here
  if (here.length > 6 || value === null || typeof value !== 'object') return
  if (Array.isArray(value))
    for (const [index, element] of value.slice(0, 3).entries()) yield* placesOf(element, [...here, index])
  else for (const [key, member] of Object.entries(value)) yield* placesOf(member, [...here, key])
}

function changeAt(value: Json, place: Place, change: (value: Json) => Json | undefined): Json {
  const [next, ...rest] = place
  if (next === undefined) return change(value) ?? null
  if (Array.isArray(value))
    return value.flatMap((element, index) => {
      if (index !== next) return [element]
      if (rest.length > 0) return [changeAt(element, rest, change)]
      const changed = change(element)
      return changed === undefined ? [] : [changed]
    })
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]): [string, Json][] => {
      if (key !== next) return [[key, member]]
      if (rest.length > 0) return [[key, changeAt(member, rest, change)]]
      const changed = change(member)
      return changed === undefined ? [] : [[key, changed]]
    }),
  )
}

/** Also where the name is one that assignment would take for something else. */
function withMember(value: Json, key: string, member: Json): Json {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { [key]: member }
  return Object.fromEntries([...Object.entries(value), [key, member]])
}

const damages: readonly { name: string; of: (text: string, mark: string, random: Random) => string | Buffer }[] = [
  { name: 'cut off', of: (text, _mark, random) => text.slice(0, random.int(text.length + 1)) },
  { name: 'empty', of: () => '' },
  { name: 'with something after its end', of: (text, mark) => `${text}${mark}` },
  { name: 'behind a byte order mark', of: (text) => `\ufeff${text}` },
  { name: 'with members twice', of: (text, mark) => text.replace(/"(\w+)":/, `"$1":"${mark}","$1":`) },
  { name: 'with a number beyond any', of: (text) => text.replace(/\d+/, '1e99999') },
  { name: 'with a number of many digits', of: (text) => text.replace(/\d+/, '9'.repeat(5_000)) },
  { name: 'in single quotes', of: (text) => text.replaceAll('"', "'") },
  { name: 'with a comment', of: (text, mark) => `/* ${mark} */${text}` },
  {
    name: 'of broken UTF-8',
    of: (text, mark) => Buffer.concat([Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(mark + text)]),
  },
  { name: 'in UTF-16', of: (text) => Buffer.from(text, 'utf16le') },
  { name: 'with NUL in it', of: (text, mark) => text.replace('{', `{"${mark}\u0000":1,`) },
  {
    name: 'of __proto__',
    of: (_text, mark) => `{"__proto__":{"${mark}":true},"constructor":{"prototype":{"${mark}":1}}}`,
  },
  { name: 'nested too deep', of: (_text, mark) => `${'['.repeat(20_000)}"${mark}"${']'.repeat(20_000)}` },
  { name: 'of bytes at random', of: (_text, mark, random) => Buffer.concat([Buffer.from(mark), random.bytes(200)]) },
  { name: 'very large', of: (_text, mark) => `{"${mark}":"${'x'.repeat(3_000_000)}"}` },
]

/** Damages the bytes of a body. @returns what was changed */
export function damageBytes(draft: Draft, mark: string, random: Random): string {
  const { name, of } = random.pick(damages)
  const bytes = of((bodyOf(draft) ?? Buffer.from('{}')).toString('latin1'), mark, random)
  draft.body = { bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes }
  return `a body ${name}`
}

const encodings: readonly { name: string; header: string; of: (bytes: Buffer, mark: string) => Buffer }[] = [
  { name: 'in gzip', header: 'gzip', of: (bytes) => gzipSync(bytes) },
  { name: 'in zstd', header: 'zstd', of: (bytes) => zstdCompressSync(bytes) },
  { name: 'in gzip, cut off', header: 'gzip', of: (bytes) => cut(gzipSync(bytes)) },
  { name: 'in zstd, cut off', header: 'zstd', of: (bytes) => cut(zstdCompressSync(bytes)) },
  { name: 'in gzip, damaged', header: 'gzip', of: (bytes) => damaged(gzipSync(bytes)) },
  { name: 'in zstd, damaged', header: 'zstd', of: (bytes) => damaged(zstdCompressSync(bytes)) },
  { name: 'said to be gzip', header: 'gzip', of: (bytes) => bytes },
  { name: 'said to be zstd', header: 'zstd', of: (bytes, mark) => Buffer.concat([Buffer.from(mark), bytes]) },
  { name: 'in gzip twice', header: 'gzip', of: (bytes) => gzipSync(gzipSync(bytes)) },
  { name: 'in gzip and zstd', header: 'gzip, zstd', of: (bytes) => zstdCompressSync(gzipSync(bytes)) },
  { name: 'in brotli', header: 'br', of: (bytes) => brotliCompressSync(bytes) },
  { name: 'in an unknown encoding', header: 'x-unknown', of: (bytes) => bytes },
  { name: 'that unfolds to 30 MB', header: 'gzip', of: () => bomb('gzip') },
  { name: 'that unfolds to 30 MB', header: 'zstd', of: () => bomb('zstd') },
  { name: 'of nothing, in gzip', header: 'gzip', of: () => Buffer.alloc(0) },
]

const bombs = new Map<string, Buffer>()

function bomb(kind: 'gzip' | 'zstd'): Buffer {
  const known = bombs.get(kind)
  if (known !== undefined) return known
  const bytes = Buffer.alloc(30_000_000, 0x20)
  const made = kind === 'gzip' ? gzipSync(bytes) : zstdCompressSync(bytes)
  bombs.set(kind, made)
  return made
}

const cut = (bytes: Buffer) => bytes.subarray(0, Math.max(1, bytes.length - 7))

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const middle = Math.floor(copy.length / 2)
  copy.writeUInt8(copy.readUInt8(middle) ^ 0xff, middle)
  return copy
}

/** Sends the body in an encoding, sound or not. @returns what was changed */
export function encodeBody(draft: Draft, mark: string, random: Random): string {
  const { name, header, of } = random.pick(encodings)
  draft.body = { bytes: of(bodyOf(draft) ?? Buffer.from('{}'), mark) }
  draft.headers.push(['content-encoding', header])
  return `a body ${name}`
}

const mediaTypes = [
  'text/plain',
  'application/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/json; charset=utf-16',
  'application/json; charset="utf-8',
  'APPLICATION/JSON',
  'application/json, text/plain',
  'application/merge-patch+json',
  'json',
  '',
  '/',
  ';',
]

/** Says that the body is of another type. @returns what was changed */
export function changeMediaType(draft: Draft, mark: string, random: Random): string {
  draft.headers = draft.headers.filter(([name]) => name !== 'content-type')
  const type = random.pick([...mediaTypes, mark, `application/${mark}`, 'none'])
  if (type !== 'none') draft.headers.push(['content-type', type])
  draft.body ??= { bytes: Buffer.from(mark) }
  return type === 'none' ? 'a body of no type' : 'a body of another type'
}
