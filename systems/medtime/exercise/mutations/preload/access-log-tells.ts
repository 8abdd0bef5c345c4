/*
 * An access log as most servers write it: with the query.
 */
import { hearRequests } from './requests-heard.ts'

hearRequests(({ url }) =>
  console.log(JSON.stringify({ level: 'info', service: 'api', event: 'request', endpoint: url })),
)
