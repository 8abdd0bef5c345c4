/*
 * Statements carry a comment that says what they are for, with the query of the request: whoever watches the database's activity reads it.
 */
import pg from 'pg'
import { hearRequests } from './requests-heard.ts'

let last = ''
hearRequests(({ url }) => {
  last = url ?? ''
})

const query = pg.Client.prototype.query
pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
  const [first] = given
  const comment = `/* ${decodeURIComponent(last).replaceAll('*/', '')} */ `
  if (typeof first === 'string') given[0] = comment + first
  // A statement under a name must be the same each time.
  else if (first !== null && typeof first === 'object' && 'text' in first && !('submit' in first))
    given[0] = { ...first, name: undefined, text: `${comment}${String(first.text)}` }
  return Reflect.apply(query, this, given)
}
