import type { IncomingHttpHeaders } from 'node:http'
import { parseXml, XmlElement } from '@rgrove/parse-xml'
import type { Bucket, Version } from './bucket.ts'
import { checkBody } from './checksums.ts'
import type { Operation } from './faults.ts'
import { escapeXml, Refused, xml } from './refusals.ts'

export interface Asked {
  operation: Operation
  key: string
  query: ReadonlyMap<string, string>
  headers: IncomingHttpHeaders
  body: Buffer
}

export interface Given {
  status: number
  headers?: Record<string, string>
  body?: Buffer | string
}

export interface Behaviour {
  bucket: Bucket
  name: string
  /** What writes do with conditions: as the service, ignored, ignored by multipart uploads alone, or refused as unknown. */
  conditions: 'enforced' | 'ignored' | 'small-objects-only' | 'refused'
  checksums: 'verified' | 'ignored'
  pageSize: number
  lockMs: number | undefined
  versioning: boolean
  /** Listings show nothing later. */
  listedUntil: number
}

/** Which operation a request is. */
export function operationOf(method: string, key: string, query: ReadonlyMap<string, string>): Operation {
  const upload = query.has('uploadId')
  if (key === '') {
    if (method !== 'GET') throw new Refused(405, 'MethodNotAllowed')
    if (query.has('uploads')) return 'ListUploads'
    if (query.has('versioning')) return 'GetVersioning'
    if (query.has('object-lock')) return 'GetObjectLock'
    if (query.get('list-type') === '2') return 'ListObjects'
  } else if (method === 'GET') return 'GetObject'
  else if (method === 'HEAD') return 'HeadObject'
  else if (method === 'PUT') return upload ? 'UploadPart' : 'PutObject'
  else if (method === 'DELETE') return upload ? 'AbortUpload' : 'DeleteObject'
  else if (method === 'POST' && query.has('uploads')) return 'CreateUpload'
  else if (method === 'POST' && upload) return 'CompleteUpload'
  throw new Refused(501, 'NotImplemented')
}

export function carryOut(asked: Asked, how: Behaviour): Given {
  const { bucket } = how
  const { key, query, headers, body } = asked
  switch (asked.operation) {
    case 'GetObject':
    case 'HeadObject':
      return readObject(asked, found(bucket, key, query.get('versionId')))
    case 'PutObject': {
      const checksums = verified(how, headers, body)
      meetConditions(asked, how, 'small')
      const version = bucket.put(key, body, { ...metadata(headers), ...checksums })
      return { status: 200, headers: { etag: version.etag, 'x-amz-version-id': version.id, ...checksums } }
    }
    case 'DeleteObject':
      bucket.remove(key, query.get('versionId'))
      return { status: 204 }
    case 'CreateUpload': {
      const algorithm = headers['x-amz-checksum-algorithm']
      if (algorithm !== undefined && algorithm !== 'SHA256')
        throw new Refused(400, 'InvalidRequest', 'Checksum algorithm provided is unsupported.')
      const upload = bucket.begin(key, metadata(headers), algorithm !== undefined)
      const names = `<Bucket>${how.name}</Bucket><Key>${escapeXml(key)}</Key><UploadId>${upload.id}</UploadId>`
      return { status: 200, body: xml('InitiateMultipartUploadResult', names) }
    }
    case 'UploadPart': {
      const checksums = verified(how, headers, body)
      const number = Number(query.get('partNumber'))
      const etag = bucket.addPart(key, query.get('uploadId') ?? '', number, body, checksums['x-amz-checksum-sha256'])
      return { status: 200, headers: { etag, ...checksums } }
    }
    case 'CompleteUpload': {
      meetConditions(asked, how, 'large')
      const { version, checksum } = bucket.complete(key, query.get('uploadId') ?? '', namedParts(body))
      const sum = checksum === undefined ? '' : `<ChecksumSHA256>${checksum}</ChecksumSHA256>`
      const names = `<Bucket>${how.name}</Bucket><Key>${escapeXml(key)}</Key><ETag>${escapeXml(version.etag)}</ETag>${sum}`
      return { status: 200, body: xml('CompleteMultipartUploadResult', names) }
    }
    case 'AbortUpload':
      bucket.abort(key, query.get('uploadId') ?? '')
      return { status: 204 }
    case 'ListUploads': {
      const items = bucket
        .uploads()
        .filter((upload) => upload.key.startsWith(query.get('prefix') ?? ''))
        .map(
          ({ key: at, id, initiated }) =>
            `<Upload><Key>${escapeXml(at)}</Key><UploadId>${id}</UploadId><Initiated>${new Date(initiated).toISOString()}</Initiated></Upload>`,
        )
      return {
        status: 200,
        body: xml('ListMultipartUploadsResult', `${items.join('')}<IsTruncated>false</IsTruncated>`),
      }
    }
    case 'ListObjects':
      return { status: 200, body: listing(query, how) }
    case 'GetVersioning':
      return { status: 200, body: xml('VersioningConfiguration', how.versioning ? '<Status>Enabled</Status>' : '') }
    case 'GetObjectLock': {
      if (how.lockMs === undefined)
        throw new Refused(
          404,
          'ObjectLockConfigurationNotFoundError',
          'Object Lock configuration does not exist for this bucket',
        )
      const days = Math.ceil(how.lockMs / 86_400_000)
      const rule = `<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>${days}</Days></DefaultRetention></Rule>`
      return {
        status: 200,
        body: xml('ObjectLockConfiguration', `<ObjectLockEnabled>Enabled</ObjectLockEnabled>${rule}`),
      }
    }
  }
}

function verified(how: Behaviour, headers: IncomingHttpHeaders, body: Buffer): Record<string, string> {
  return how.checksums === 'verified' ? checkBody(headers, body) : {}
}

function metadata(headers: IncomingHttpHeaders): Record<string, string> {
  const own: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('x-amz-meta-') && typeof value === 'string') own[name] = value
  }
  return own
}

function meetConditions({ key, headers }: Asked, { bucket, conditions }: Behaviour, what: 'small' | 'large'): void {
  const [none, match] = [headers['if-none-match'], headers['if-match']]
  if (conditions === 'ignored' || (conditions === 'small-objects-only' && what === 'large')) return
  if (conditions === 'refused' && (none !== undefined || match !== undefined)) {
    throw new Refused(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented')
  }
  bucket.meet(key, none, match)
}

function found(bucket: Bucket, key: string, versionId: string | undefined): Version {
  const version =
    versionId === undefined ? bucket.current(key) : bucket.versions(key).find(({ id }) => id === versionId)
  if (!version) throw new Refused(404, 'NoSuchKey', 'The specified key does not exist.')
  return version
}

function readObject({ operation, headers }: Asked, version: Version): Given {
  const { body, etag } = version
  const wanted = headers['if-match']
  if (wanted !== undefined && wanted !== etag) throw new Refused(412, 'PreconditionFailed')
  const about = { etag, 'accept-ranges': 'bytes', 'x-amz-version-id': version.id, ...version.headers }
  if (operation === 'HeadObject') return { status: 200, headers: { ...about, 'content-length': String(body.length) } }
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')
  if (!range) return { status: 200, headers: about, body }
  const from = Number(range[1])
  const to = range[2] === '' ? body.length - 1 : Math.min(Number(range[2]), body.length - 1)
  if (from > to) throw new Refused(416, 'InvalidRange', 'The requested range is not satisfiable')
  const headersOfPart = { ...about, 'content-range': `bytes ${from}-${to}/${body.length}` }
  return { status: 206, headers: headersOfPart, body: body.subarray(from, to + 1) }
}

function listing(query: ReadonlyMap<string, string>, how: Behaviour): string {
  const [prefix, token] = [query.get('prefix') ?? '', query.get('continuation-token')]
  const after = token === undefined ? '' : Buffer.from(token, 'base64url').toString()
  const matching = how.bucket
    .keysAt(how.listedUntil)
    .filter(({ key }) => key.startsWith(prefix) && key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const size = Math.min(how.pageSize, Number(query.get('max-keys') ?? 1000))
  const page = matching.slice(0, size)
  const encode = query.get('encoding-type') === 'url' ? encodeURIComponent : escapeXml
  const items = page.map(
    ({ key, version }) =>
      `<Contents><Key>${encode(key)}</Key><Size>${version.body.length}</Size><ETag>${escapeXml(version.etag)}</ETag></Contents>`,
  )
  const last = page.at(-1)
  const truncated = matching.length > page.length && last !== undefined
  const next = truncated
    ? `<NextContinuationToken>${Buffer.from(last.key).toString('base64url')}</NextContinuationToken>`
    : ''
  const head = `<Name>${how.name}</Name><KeyCount>${page.length}</KeyCount><IsTruncated>${truncated}</IsTruncated>${next}`
  return xml('ListBucketResult', head + items.join(''))
}

function namedParts(body: Buffer) {
  let root: XmlElement | null = null
  try {
    root = parseXml(body.toString('utf8')).root
  } catch {
    throw new Refused(400, 'MalformedXML', 'The XML you provided was not well-formed')
  }
  if (root?.name !== 'CompleteMultipartUpload')
    throw new Refused(400, 'MalformedXML', 'The XML you provided did not validate')
  return root.children.flatMap((child) => {
    if (!(child instanceof XmlElement)) return []
    const text = (name: string) => {
      const element = child.children.find((each) => each instanceof XmlElement && each.name === name)
      return element instanceof XmlElement ? element.text : undefined
    }
    return [{ number: Number(text('PartNumber')), etag: text('ETag') ?? '', checksum: text('ChecksumSHA256') }]
  })
}
