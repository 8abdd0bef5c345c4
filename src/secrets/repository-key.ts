import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { failure } from '../errors.ts'
import { repositoryKeyBytes } from './key-ring.ts'

/**
 * Reads the key of a repository, making one when the file does not exist.
 * @param file 64 hexadecimal digits; created with mode 0600. It must never lie inside the repository it opens.
 * @returns 32 bytes.
 * @throws KEY_MALFORMED, KEY_EXPOSED.
 */
export async function loadOrCreateKey(file: string): Promise<Uint8Array> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const fresh = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  const handle = await open(fresh, 'wx', 0o600)
  try {
    await chmod(fresh, 0o600)
    await handle.writeFile(`${randomBytes(repositoryKeyBytes).toString('hex')}\n`)
    await handle.sync()
    // A link fails when the name is taken: of two processes that start at once both end up with the key of the first.
    await link(fresh, file).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error
    })
  } finally {
    await handle.close()
    await rm(fresh, { force: true })
  }
  return loadKey(file)
}

/**
 * Reads the key of a repository that exists already.
 * @throws KEY_MISSING, KEY_MALFORMED, KEY_EXPOSED when other accounts may read the file.
 */
export async function loadKey(file: string): Promise<Uint8Array> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) throw failure('KEY_MISSING', { file })
    throw error
  })
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) throw failure('KEY_EXPOSED', { file, mode: (mode & 0o777).toString(8) })
  if (!/^[0-9a-f]{64}\n?$/.test(text)) throw failure('KEY_MALFORMED', { file })
  return Uint8Array.from(Buffer.from(text.trim(), 'hex'))
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
