/*
 * A field of the log named after what a client sent.
 */
import { hearRequests } from './requests-heard.ts'

hearRequests(({ headers }) => {
  const id = headers['x-request-id']
  if (typeof id === 'string') console.log(JSON.stringify({ level: 'info', service: 'api', event: 'request', [id]: 1 }))
})
