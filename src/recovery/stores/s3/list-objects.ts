import type { StoredEntry } from '../store.ts'
import { NoAnswer, readXml } from './answer.ts'
import { ask, type S3Connection } from './request.ts'

/** Every object under a prefix of whole keys, page by page, in the order of the keys; the location's prefix is taken off. */
export async function* listObjects(connection: S3Connection, prefix: string): AsyncIterable<StoredEntry> {
  const own = connection.location.prefix.length
  for (let token: string | undefined; ; ) {
    const query = {
      'list-type': '2',
      'encoding-type': 'url',
      prefix,
      ...(token === undefined ? {} : { 'continuation-token': token }),
    }
    const { text } = await ask(connection, { method: 'GET', query })
    const page = readXml(text)
    for (const item of page.all('Contents')) {
      const [key, size] = [item.text('Key'), Number(item.text('Size'))]
      if (key === undefined || !Number.isInteger(size)) throw new NoAnswer('its listing lacks a key or a size')
      const decoded = decodeURIComponent(key.replaceAll('+', ' '))
      // Consoles keep empty objects of this form to show folders.
      if (decoded.endsWith('/')) continue
      yield { key: decoded.slice(own), size }
    }
    if (page.text('IsTruncated') !== 'true') return
    const next = page.text('NextContinuationToken')
    if (next === undefined || next === token) throw new NoAnswer('its listing breaks off without saying where to go on')
    token = next
  }
}
