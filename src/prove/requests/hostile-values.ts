import type { Random } from '../../random.ts'
import type { Json } from './json.ts'

/** Texts that programs have stumbled over, each with the marker in it. */
const texts: readonly ((mark: string) => string)[] = [
  () => '',
  () => ' ',
  (mark) => mark,
  (mark) => ` ${mark} `,
  (mark) => `${mark}\u0000${mark}`,
  (mark) => `\u0001\u001b[31m${mark}\u007f`,
  (mark) => `${mark}\ud800`,
  (mark) => `\udfff${mark}`,
  (mark) => `\u202e${mark}\u2066`,
  (mark) => `${mark}\r\nx-injected: ${mark}`,
  (mark) => `\ufeff${mark}\u2028\u2029`,
  (mark) => `${mark}\u{1f469}\u200d\u{1f52c}e\u0301\u{10ffff}`,
  (mark) => `${mark}\ufffe\uffff\ufdd0`,
  (mark) => `${mark}İıẞſK`,
  (mark) => `'; DROP TABLE users; --${mark}`,
  (mark) => `${mark}' OR '1'='1`,
  (mark) => `${mark}\\'); SELECT pg_sleep(30); --`,
  (mark) => `{"$gt":"${mark}"}`,
  (mark) => `\${${mark}}{{${mark}}}<%= ${mark} %>`,
  (mark) => `%${mark}%_\\`,
  (mark) => `../../../etc/passwd ${mark}`,
  (mark) => `%00%ff%${mark}`,
  (mark) => `<script>${mark}</script>`,
  (mark) => `${mark}; $(id) | \`id\` && id`,
  (mark) => `file:///etc/passwd#${mark}`,
  () => '__proto__',
  () => 'constructor',
  () => 'toString',
  () => 'null',
  () => 'NaN',
  () => '-0',
  () => '1e309',
  () => '9223372036854775808',
  () => '٣٣',
  () => '0x10',
  () => '+275760-09-13T00:00:00.001Z',
  () => '0000-00-00T00:00:00Z',
  () => '2026-02-30T24:00:60Z',
  (mark) => mark.repeat(22),
  (mark) => mark.repeat(400),
  (mark) => `${mark}${'(a+)+'.repeat(200)}${'a'.repeat(2_000)}!`,
  (mark) => `${mark}${'\u{1f9ea}'.repeat(3_000)}`,
  (mark) => `${mark}${'A'.repeat(70_000)}`,
]

const numbers: readonly number[] = [
  0, -1, 1, -0.5, 1.5, 255, 256, 32_767, 65_536, 2_147_483_647, 2_147_483_648, -2_147_483_649, 4_294_967_296,
  9_007_199_254_740_991, 9_007_199_254_740_992, 1e21, 1.7976931348623157e308, 5e-324,
]

export function hostileText(mark: string, random: Random): string {
  return random.pick(texts)(mark)
}

/** A value of any type, most often a text. */
export function hostileValue(mark: string, random: Random): Json {
  const shapes: readonly (() => Json)[] = [
    () => hostileText(mark, random),
    () => hostileText(mark, random),
    () => random.pick(numbers),
    () => random.pick([null, true, false]),
    () => [],
    () => ({}),
    () => [hostileText(mark, random)],
    () => ({ [hostileText(mark, random)]: mark }),
    () => ({ toString: mark, valueOf: mark, toJSON: mark, length: -1 }),
    () => Array.from({ length: 2_000 }, () => mark),
    () => nested(mark, random.pick([10, 500])),
  ]
  return random.pick(shapes)()
}

function nested(inner: Json, depth: number): Json {
  let value = inner
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}
