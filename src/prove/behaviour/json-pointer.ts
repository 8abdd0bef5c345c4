import type { Json } from '../exercise.ts'

/** The value an RFC 6901 pointer leads to; undefined when nothing is there. The empty pointer is the whole document. */
export function resolvePointer(document: Json | undefined, pointer: string): Json | undefined {
  if (pointer === '') return document
  if (!pointer.startsWith('/')) return undefined
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(memberOf, document)
}

/** `pointer` led one member further. */
export function pointerTo(pointer: string, member: string | number): string {
  return `${pointer}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function memberOf(value: Json | undefined, token: string): Json | undefined {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(token) ? value[Number(token)] : undefined
  if (value === null || typeof value !== 'object') return undefined
  return Object.hasOwn(value, token) ? value[token] : undefined
}
