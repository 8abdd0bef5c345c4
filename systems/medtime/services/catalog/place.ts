import { fileNames } from '../catalog-import/due-imports.ts'
import type { Source } from '../catalog-import/source.ts'

/** A source somebody has to be asked for; the starter catalog comes with the service. */
export type OutsideSource = Exclude<Source, 'starter'>

/** Where the newest files of a source lie: on a disk, in a folder or as the one file, or behind addresses of the web. */
export type Place = { on: 'disk'; path: string } | { on: 'web'; addresses: readonly URL[] }

/**
 * Reads where an operator says that a source lies: an absolute path, or an `https` address. One that ends with `/` is of a folder, in
 * which the files have their published names.
 * @returns undefined when it is neither, or names one file of a source that has several
 */
export function placeOf(source: OutsideSource, text: string): Place | undefined {
  if (text.startsWith('/')) return { on: 'disk', path: text }
  if (!URL.canParse(text)) return undefined
  const given = new URL(text)
  if (!mayBeAsked(given)) return undefined
  const names = fileNames[source]
  if (given.pathname.endsWith('/')) return { on: 'web', addresses: names.map((name) => new URL(name, given)) }
  return names.length === 1 ? { on: 'web', addresses: [given] } : undefined
}

/** Lists are public, but nobody on the way may change them; the own machine may be asked plainly. */
export function mayBeAsked({ protocol, hostname, username, password }: URL): boolean {
  if (username !== '' || password !== '') return false
  if (protocol === 'https:') return true
  return protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
}
