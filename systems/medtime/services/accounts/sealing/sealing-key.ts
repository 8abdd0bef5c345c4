import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * The key that secrets in the database are sealed with: as given, or the one of a file. A file that is not there yet is made,
 * readable by its owner only, and serves every instance on this machine.
 * @throws when the file holds no key, errors of the file system
 */
export async function sealingKey(source: { bytes: Buffer } | { file: string }): Promise<Buffer> {
  if ('bytes' in source) return source.bytes
  const { file } = source
  const found = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  const key = Buffer.from(found ?? (await makeOrRead(file)), 'base64')
  if (key.length !== 32) throw new Error('The file of ACCOUNTS_KEY_FILE does not hold 32 bytes in base64')
  return key
}

/** Of several that start at once one makes the key; the file appears whole, so that the others never read half of one. */
async function makeOrRead(file: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true })
  const draft = `${file}.${randomBytes(8).toString('hex')}`
  await writeFile(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
  await link(draft, file).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error
  })
  await rm(draft)
  return readFile(file, 'utf8')
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
