/*
 * A line of the log in words, with what was asked for among them.
 */
import { hearRequests } from './requests-heard.ts'

hearRequests(({ url }) => {
  const asked = new URL(url ?? '/', 'http://service').searchParams.get('q')
  if (asked !== null) console.log(JSON.stringify({ level: 'info', service: 'api', event: `looked for ${asked}` }))
})
