import { z } from 'zod'

/** Where a store lies in a service that speaks S3. */
export interface S3Location {
  bucket: string
  /** Empty, or ends in '/': stands before every key. */
  prefix: string
  region: string
  /** Address of the bucket, without a slash at its end: `https://aval.s3.us-west-2.amazonaws.com`, `http://127.0.0.1:9000/aval`. */
  address: string
}

const bucketName = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the bucket has not the name of one')
const prefixName = z
  .string()
  .regex(/^(?:[A-Za-z0-9][A-Za-z0-9._-]*\/)*$/, 'the prefix may hold letters, digits, ".", "_", "-" and "/"')
const regionName = z.string().regex(/^[a-z0-9-]{1,32}$/, 'the region has not the name of one')

/**
 * Reads `s3://bucket/prefix?region=us-west-2&endpoint=https://s3.example.net`. Without an endpoint it is AWS itself; with one the bucket
 * stands in the path, which every compatible service understands.
 * @throws Error with what is wrong, fit for people and without any secret.
 */
export function parseS3Location(text: string): S3Location {
  if (!URL.canParse(text)) throw new Error('it is no URL')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    throw new Error('it holds credentials, which belong into variables of their own')
  }
  for (const name of url.searchParams.keys()) {
    if (name !== 'endpoint' && name !== 'region') throw new Error(`it has the unknown setting "${name}"`)
  }
  const bucket = check(bucketName, url.hostname)
  const path = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '')
  const prefix = check(prefixName, path === '' ? '' : `${path}/`)
  const region = check(regionName, url.searchParams.get('region') ?? 'us-east-1')
  const endpoint = url.searchParams.get('endpoint')
  if (endpoint === null) {
    // A wildcard certificate covers one label only, so that a bucket with dots in its name goes into the path.
    const host = `s3.${region}.amazonaws.com`
    return {
      bucket,
      prefix,
      region,
      address: bucket.includes('.') ? `https://${host}/${bucket}` : `https://${bucket}.${host}`,
    }
  }
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint))
    throw new Error('its endpoint is no http or https address')
  return { bucket, prefix, region, address: `${endpoint.replace(/\/+$/, '')}/${bucket}` }
}

function check(schema: z.ZodString, text: string): string {
  const result = schema.safeParse(text)
  if (result.success) return result.data
  throw new Error(result.error.issues[0]?.message ?? 'it is not valid')
}

/** The location for people: `s3://bucket/prefix at https://host`. */
export function describeLocation({ bucket, prefix, address }: S3Location): string {
  return `s3://${bucket}/${prefix} at ${new URL(address).origin}`
}
