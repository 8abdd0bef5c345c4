import { createHash, randomUUID } from 'node:crypto'
import { Refused } from './refusals.ts'

export interface Version {
  id: string
  body: Buffer
  etag: string
  /** Metadata and checksums, as headers. */
  headers: Record<string, string>
  /** Milliseconds since the epoch; cannot be removed before, when the bucket locks. */
  retainUntil: number | undefined
  deleteMarker: boolean
  /** When it came; for listings that lag behind. */
  at: number
}

export interface Upload {
  id: string
  key: string
  headers: Record<string, string>
  /** Whether parts must carry a SHA-256. */
  checksum: boolean
  parts: Map<number, { body: Buffer; etag: string; checksum: string | undefined }>
  initiated: number
}

export interface BucketOptions {
  versioning: boolean
  /** Every new version is locked for so long; undefined for a bucket without lock. */
  lockMs: number | undefined
  now: () => number
}

/** Of the service: every part but the last. */
const smallestPart = 5 * 2 ** 20

/** What a bucket holds, and the rules of the service about it. */
export function makeBucket({ versioning, lockMs, now }: BucketOptions) {
  /** Newest version last. */
  const objects = new Map<string, Version[]>()
  const uploads = new Map<string, Upload>()

  const current = (key: string): Version | undefined => {
    const newest = objects.get(key)?.at(-1)
    return newest?.deleteMarker ? undefined : newest
  }
  const require = (uploadId: string, key: string): Upload => {
    const upload = uploads.get(uploadId)
    if (!upload || upload.key !== key)
      throw new Refused(404, 'NoSuchUpload', 'The specified multipart upload does not exist.')
    return upload
  }
  const add = (key: string, version: Omit<Version, 'id' | 'at' | 'retainUntil'>): Version => {
    const retainUntil = lockMs === undefined || version.deleteMarker ? undefined : now() + lockMs
    const added = { ...version, id: randomUUID(), at: now(), retainUntil }
    const before = objects.get(key) ?? []
    objects.set(key, versioning ? [...before, added] : [added])
    return added
  }
  /** `*` in If-None-Match: nothing there; an entity tag in If-Match: exactly that there. */
  const meet = (key: string, ifNoneMatch: string | undefined, ifMatch: string | undefined) => {
    if (ifNoneMatch !== undefined && ifNoneMatch !== '*')
      throw new Refused(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented')
    const there = current(key)
    if (ifNoneMatch === '*' && there)
      throw new Refused(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
    if (ifMatch === undefined) return
    if (!there) throw new Refused(404, 'NoSuchKey', 'The specified key does not exist.')
    if (there.etag !== ifMatch)
      throw new Refused(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
  }

  return {
    current,
    meet,
    put: (key: string, body: Buffer, headers: Record<string, string>): Version =>
      add(key, { body, etag: `"${md5(body)}"`, headers, deleteMarker: false }),
    remove: (key: string, versionId: string | undefined) => {
      const versions = objects.get(key) ?? []
      if (versionId === undefined) {
        if (versioning) add(key, { body: Buffer.alloc(0), etag: '', headers: {}, deleteMarker: true })
        else objects.delete(key)
        return
      }
      const version = versions.find(({ id }) => id === versionId)
      if (version?.retainUntil !== undefined && version.retainUntil > now()) {
        throw new Refused(403, 'AccessDenied', 'Access Denied because object protected by object lock.')
      }
      const left = versions.filter((each) => each !== version)
      if (left.length > 0) objects.set(key, left)
      else objects.delete(key)
    },
    keys: () => [...objects.keys()].filter((key) => current(key)).sort(),
    /** As a listing shows it that saw nothing later than `at`. */
    keysAt: (at: number) =>
      [...objects].flatMap(([key, versions]) => {
        const version = versions.findLast((each) => each.at <= at)
        return version && !version.deleteMarker ? [{ key, version }] : []
      }),
    versions: (key: string): readonly Version[] => objects.get(key) ?? [],
    uploads: () => [...uploads.values()],
    begin: (key: string, headers: Record<string, string>, checksum: boolean): Upload => {
      const upload: Upload = { id: randomUUID(), key, headers, checksum, parts: new Map(), initiated: now() }
      uploads.set(upload.id, upload)
      return upload
    },
    addPart: (key: string, uploadId: string, number: number, body: Buffer, checksum: string | undefined): string => {
      const upload = require(uploadId, key)
      if (!Number.isInteger(number) || number < 1 || number > 10_000)
        throw new Refused(400, 'InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive')
      const etag = `"${md5(body)}"`
      upload.parts.set(number, { body, etag, checksum })
      return etag
    },
    complete: (
      key: string,
      uploadId: string,
      named: readonly { number: number; etag: string; checksum: string | undefined }[],
    ) => {
      const upload = require(uploadId, key)
      if (named.length === 0)
        throw new Refused(
          400,
          'MalformedXML',
          'The XML you provided was not well-formed or did not validate against our published schema',
        )
      if (named.some(({ number }, index) => number <= (named[index - 1]?.number ?? 0))) {
        throw new Refused(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.')
      }
      const parts = named.map(({ number, etag, checksum }, index) => {
        const part = upload.parts.get(number)
        if (!part || part.etag !== etag)
          throw new Refused(400, 'InvalidPart', 'One or more of the specified parts could not be found.')
        if (upload.checksum && part.checksum === undefined)
          throw new Refused(
            400,
            'InvalidRequest',
            'The upload was created using a sha256 checksum, and the part has none.',
          )
        if (checksum !== undefined && checksum !== part.checksum)
          throw new Refused(400, 'InvalidPart', 'The checksum of a part does not match.')
        if (index < named.length - 1 && part.body.length < smallestPart) {
          throw new Refused(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size')
        }
        return part
      })
      const digests = Buffer.concat(parts.map(({ body }) => createHash('md5').update(body).digest()))
      const checksums = parts.map(({ checksum }) => Buffer.from(checksum ?? '', 'base64'))
      const checksum = upload.checksum
        ? `${createHash('sha256').update(Buffer.concat(checksums)).digest('base64')}-${parts.length}`
        : undefined
      uploads.delete(uploadId)
      const version = add(key, {
        body: Buffer.concat(parts.map(({ body }) => body)),
        etag: `"${createHash('md5').update(digests).digest('hex')}-${parts.length}"`,
        headers: { ...upload.headers, ...(checksum === undefined ? {} : { 'x-amz-checksum-sha256': checksum }) },
        deleteMarker: false,
      })
      return { version, checksum }
    },
    abort: (key: string, uploadId: string) => {
      require(uploadId, key)
      uploads.delete(uploadId)
    },
  }
}

export type Bucket = ReturnType<typeof makeBucket>

function md5(body: Buffer): string {
  return createHash('md5').update(body).digest('hex')
}
