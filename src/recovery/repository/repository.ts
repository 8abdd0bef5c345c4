import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { failure } from '../../errors.ts'
import type { KeyRing } from '../../secrets/key-ring.ts'
import type { ByteStream, Store } from '../stores/store.ts'
import { type ObjectSize, type OpenedObject, openObject, peekHeader, sealObject } from './object.ts'
import { deriveKeys, type RepositoryKeys } from './object-header.ts'

/**
 * Encrypted objects of one system in a store. Keys of objects:
 *
 * | key | what it holds |
 * | --- | --- |
 * | `repository` | whose repository it is; made first, tells a wrong key from damage |
 * | `server` | the system identifier of the one cluster whose history this is |
 * | `backups/<id>/base.tar`, `base.2.tar`... | the data directory, in parts |
 * | `backups/<id>/manifest` | Postgres's own manifest: every file with its size and SHA-256 |
 * | `backups/<id>/backup` | what the backup is; written last, so that without it there is no backup |
 * | `catalog/<id>` | a fingerprint of `backup`, so that its removal is noticed |
 * | `wal/<timeline>/<segment>` | a whole WAL segment |
 * | `partial/<timeline>/<segment>/<from>-<to>` | bytes of a segment that is not full yet; removed when it is |
 * | `history/<timeline>` | where a timeline branched off |
 * | `gaps/<timeline>/<from>-<to>` | WAL that the server had removed before it was received: no loss of the repository |
 * | `head` | how far the WAL of each timeline reached, so that a tail cut off is noticed |
 * | `floor` | from where on the WAL of each timeline is whole; before it only what belongs to a backup is kept |
 * | `removed/<id>` | that the removal of a backup has begun; goes last, when nothing of it is left |
 * | `holds/<id>/<time>` | that a backup is held, or let go; the last one counts |
 * | `checked/<id>` | what the last verification of a backup found |
 * | `reading/<time>` | that a restore is reading a backup and its WAL, until when |
 * | `erasures/<id>/<state>` | whose data was erased: `asked`, then `done` or `withdrawn` |
 */
export interface Repository {
  readonly system: string
  readonly store: Store
  /** Names the key without telling it. */
  readonly keyId: string
  put(key: string, text: ByteStream, options?: PutOptions): Promise<KeptObject>
  /** @throws OBJECT_MISSING, OBJECT_DAMAGED, OBJECT_OTHER_KEY. */
  read(key: string, options?: { size?: ObjectSize }): Promise<OpenedObject>
  /** A fingerprint of content that tells nothing to who does not hold the key. */
  digest(content: Uint8Array): string
  /** The same of content that is better not held whole. */
  digestOf(content: ByteStream): Promise<string>
}

export interface PutOptions {
  /** Stands in the clear in the header, protected from change. */
  meta?: Record<string, string>
  /** `digest` of the text: writing the same text again is then no error. */
  digest?: string
  /** Replaces what stands there; for what is only ever the latest word: `head`, `floor`, `checked`. */
  replace?: boolean
  /** Large for some megabytes and more; small unless told. */
  size?: ObjectSize
}

export interface KeptObject {
  key: string
  outcome: 'stored' | 'same'
  /** Bytes in the store; 0 when the same object was there already. */
  storedBytes: number
}

const identitySchema = z.strictObject({ format: z.literal(1), system: z.string() })

/**
 * Opens the repository of a system, making it when the store is empty.
 * @param options.key 32 bytes; or several, of which the first seals what is written and each opens what was written with it, so that
 * a key can be replaced without writing anything again. Fingerprints stay those of the last, which is the one the repository began with.
 * @param options.create false refuses an empty store instead.
 * @throws REPOSITORY_WRONG_KEY, REPOSITORY_OTHER_SYSTEM, REPOSITORY_ABSENT, REPOSITORY_INCOMPLETE, OBJECT_DAMAGED.
 */
export async function openRepository(options: {
  store: Store
  key: Uint8Array | KeyRing
  system: string
  create?: boolean
}): Promise<Repository> {
  const { store, system } = options
  const [keys, ...former] =
    options.key instanceof Uint8Array ? ([deriveKeys(options.key)] as const) : ringOf(options.key)
  const ring: ReadonlyMap<string, RepositoryKeys> = new Map([keys, ...former].map((each) => [each.id, each]))
  const { digest: digestKey } = former.at(-1) ?? keys
  const place = (key: string) => ({ system, key })

  const read = async (key: string, { size = 'small' }: { size?: ObjectSize } = {}): Promise<OpenedObject> => {
    const stored = await store.get(key)
    if (!stored) throw failure('OBJECT_MISSING', { object: key, place: store.place })
    return openObject(ring, place(key), stored, size)
  }
  const put = async (
    key: string,
    text: ByteStream,
    { meta = {}, digest, replace = false, size = 'small' }: PutOptions = {},
  ) => {
    const sealed = sealObject(keys, place(key), text, digest === undefined ? meta : { ...meta, digest }, size)
    const { outcome, size: storedBytes } = await store.put(key, sealed, { ifAbsent: !replace })
    if (outcome === 'stored') return { key, outcome, storedBytes } as const
    const existing = await read(key)
    await existing.close()
    if (digest === undefined || existing.meta['digest'] !== digest) throw failure('OBJECT_CONFLICT', { object: key })
    return { key, outcome: 'same', storedBytes: 0 } as const
  }
  const repository: Repository = {
    system,
    store,
    keyId: keys.id,
    put,
    read,
    digest: (content) => createHmac('sha256', digestKey).update(content).digest('hex'),
    digestOf: async (content) => {
      const hash = createHmac('sha256', digestKey)
      for await (const bytes of content) hash.update(bytes)
      return hash.digest('hex')
    },
  }

  const stored = await store.get('repository')
  if (!stored) {
    for await (const { key } of store.list('')) throw failure('REPOSITORY_INCOMPLETE', { place: store.place, key })
    if (options.create === false) throw failure('REPOSITORY_ABSENT', { place: store.place, system })
    const text = Buffer.from(JSON.stringify({ format: 1, system } satisfies z.infer<typeof identitySchema>))
    await put('repository', once(text), { digest: repository.digest(text), meta: { system } })
    return repository
  }
  const header = await peekHeader(stored)
  if (header && !ring.has(header.keyId)) {
    throw failure('REPOSITORY_WRONG_KEY', { place: store.place, expected: header.keyId, given: keys.id })
  }
  const owner = header?.meta['system']
  if (owner !== undefined && owner !== system) {
    throw failure('REPOSITORY_OTHER_SYSTEM', { place: store.place, owner, system })
  }
  await readJson(repository, 'repository', identitySchema)
  return repository
}

function ringOf([first, ...rest]: KeyRing) {
  return [deriveKeys(first), ...rest.map(deriveKeys)] as const
}

/** One piece of bytes as a stream. */
export async function* once(bytes: Uint8Array): ByteStream {
  yield bytes
}

/** The whole text of a small object. */
export async function readWhole(repository: Repository, key: string): Promise<Buffer> {
  const { text } = await repository.read(key)
  const parts: Uint8Array[] = []
  for await (const part of text) parts.push(part)
  return Buffer.concat(parts)
}

/** The content of a JSON object of the repository. */
export async function readJson<Schema extends z.ZodType>(
  repository: Repository,
  key: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await readWhole(repository, key)
  const problem = 'its content is not what this version of Aval writes'
  try {
    return schema.parse(JSON.parse(text.toString('utf8')))
  } catch (cause) {
    throw failure('OBJECT_DAMAGED', { object: key, problem }, { cause })
  }
}
