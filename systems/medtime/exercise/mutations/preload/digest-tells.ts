/*
 * A digest in place of what was asked for: whoever has a list of medicines finds the one.
 */
import { createHash } from 'node:crypto'
import { hearRequests } from './requests-heard.ts'

hearRequests(({ url }) => {
  const asked = new URL(url ?? '/', 'http://service').searchParams.get('q')
  if (asked === null) return
  const query_id = createHash('sha256').update(asked).digest('hex')
  console.log(JSON.stringify({ level: 'info', service: 'api', event: 'request', query_id }))
})
