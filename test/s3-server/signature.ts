import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Refused } from './refusals.ts'

export interface SignedRequest {
  method: string
  /** Path as it was sent, encoded. */
  path: string
  query: readonly [string, string][]
  headers: IncomingHttpHeaders
  body: Buffer
}

export interface Keys {
  accessKeyId: string
  secretAccessKey: string
  region: string
}

const pattern =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/
const longestSkewMs = 15 * 60_000

/**
 * Verifies version 4 of the signature from its specification, independently of the client under test: canonical request, string to sign,
 * derived key; that all x-amz- headers and the host are signed; the hash of the body; the time.
 */
export function verifySignature(request: SignedRequest, keys: Keys, now: number): void {
  const { headers, body } = request
  const [, id, day = '', region = '', signedNames = '', signature = ''] =
    pattern.exec(headers.authorization ?? '') ?? []
  if (id === undefined) throw new Refused(403, 'AccessDenied', 'Access Denied')
  if (id !== keys.accessKeyId)
    throw new Refused(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist.')
  const date = header(headers, 'x-amz-date')
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Number.isNaN(at) || !date.startsWith(day)) throw new Refused(403, 'AccessDenied', 'Invalid date')
  if (Math.abs(at - now) > longestSkewMs)
    throw new Refused(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    )
  if (region !== keys.region)
    throw new Refused(
      400,
      'AuthorizationHeaderMalformed',
      `the region '${region}' is wrong; expecting '${keys.region}'`,
    )

  const names = signedNames.split(';')
  const mustSign = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))]
  if (mustSign.some((name) => !names.includes(name)))
    throw new Refused(403, 'AccessDenied', 'There were headers present in the request which were not signed')
  const declared = header(headers, 'x-amz-content-sha256')
  const canonical = [
    request.method,
    request.path,
    request.query
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...names.map((name) => `${name}:${header(headers, name).trim().replace(/\s+/g, ' ')}`),
    '',
    signedNames,
    declared,
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(Buffer.from(canonical)).toString('hex')].join('\n')
  const key = [region, 's3', 'aws4_request'].reduce(
    (from, part) => hmac(from, part),
    hmac(Buffer.from(`AWS4${keys.secretAccessKey}`), day),
  )
  if (!timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex'))) {
    throw new Refused(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
    )
  }
  if (declared !== 'UNSIGNED-PAYLOAD' && declared !== sha256(body).toString('hex')) {
    throw new Refused(
      400,
      'XAmzContentSHA256Mismatch',
      'The provided x-amz-content-sha256 header does not match what was computed.',
    )
  }
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  if (typeof value !== 'string') throw new Refused(400, 'InvalidRequest', `Missing required header: ${name}`)
  return value
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
