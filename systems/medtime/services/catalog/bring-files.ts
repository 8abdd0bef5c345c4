import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileNames } from '../catalog-import/due-imports.ts'
import type { Bounds } from './config.ts'
import { downloadsOf } from './left-downloads.ts'
import { LookError } from './look-error.ts'
import { mayBeAsked, type OutsideSource, type Place } from './place.ts'

/** The files of a source on this machine. */
export interface Brought {
  paths: readonly string[]
  /** Removes what was downloaded; files of the operator stay. */
  clear(): Promise<void>
}

const redirectsFollowed = 5

/**
 * Brings the files of a source here, within bounds of size and time: what arrives is written to a disk as it comes.
 * @throws LookError SOURCE_MISSING, SOURCE_UNREACHABLE, SOURCE_TOO_LARGE, SOURCE_TOO_SLOW; the reason of `signal` when it is aborted
 */
export async function bringFiles(
  source: OutsideSource,
  place: Place,
  bounds: Bounds,
  signal: AbortSignal,
): Promise<Brought> {
  if (place.on === 'disk') return { paths: await onDisk(source, place.path, bounds), clear: async () => undefined }
  const folder = await mkdtemp(join(tmpdir(), downloadsOf(process.pid)))
  const clear = () => rm(folder, { recursive: true, force: true })
  const timeout = AbortSignal.timeout(bounds.timeoutMs)
  try {
    const paths: string[] = []
    for (const [index, address] of place.addresses.entries()) {
      const path = join(folder, String(index))
      await download(address, path, bounds.bytes, AbortSignal.any([signal, timeout]))
      paths.push(path)
    }
    return { paths, clear }
  } catch (thrown) {
    await clear()
    signal.throwIfAborted()
    if (thrown instanceof LookError) throw thrown
    throw new LookError(timeout.aborted ? 'SOURCE_TOO_SLOW' : 'SOURCE_UNREACHABLE', { cause: thrown })
  }
}

async function onDisk(source: OutsideSource, path: string, { bytes }: Bounds): Promise<string[]> {
  const missing = (thrown: unknown) => {
    throw new LookError('SOURCE_MISSING', { cause: thrown })
  }
  const names = fileNames[source]
  const folder = (await stat(path).catch(missing)).isDirectory()
  if (!folder && names.length > 1) throw new LookError('SOURCE_MISSING')
  const paths = folder ? names.map((name) => join(path, name)) : [path]
  for (const { size } of await Promise.all(paths.map((file) => stat(file).catch(missing)))) {
    if (size > bytes) throw new LookError('SOURCE_TOO_LARGE')
  }
  return paths
}

async function download(address: URL, path: string, bytes: number, signal: AbortSignal): Promise<void> {
  const response = await ask(address, signal)
  if (response.status === 404 || response.status === 410) throw new LookError('SOURCE_MISSING')
  if (response.status !== 200 || response.body === null) throw new LookError('SOURCE_UNREACHABLE')
  let arrived = 0
  await pipeline(
    response.body,
    async function* bounded(chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        arrived += chunk.length
        if (arrived > bytes) throw new LookError('SOURCE_TOO_LARGE')
        yield chunk
      }
    },
    createWriteStream(path),
    { signal },
  )
}

/** Follows redirects by hand: one that leads to where nobody may be asked ends here. */
async function ask(address: URL, signal: AbortSignal): Promise<Response> {
  let next = address
  for (let hop = 0; hop <= redirectsFollowed; hop++) {
    const response = await fetch(next, { redirect: 'manual', signal })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null) return response
    await response.body?.cancel()
    if (!URL.canParse(location, next)) break
    next = new URL(location, next)
    if (!mayBeAsked(next)) break
  }
  throw new LookError('SOURCE_UNREACHABLE')
}
