/*
 * Answers go out without the headers that keep a browser from making something of them.
 */
import { ServerResponse } from 'node:http'

const dropped = ['x-content-type-options', 'content-security-policy']
const writeHead = ServerResponse.prototype.writeHead

ServerResponse.prototype.writeHead = function (this: ServerResponse, ...given: unknown[]) {
  const headers = given.at(-1)
  if (headers !== null && typeof headers === 'object' && !Array.isArray(headers)) {
    given[given.length - 1] = Object.fromEntries(
      Object.entries(headers).filter(([name]) => !dropped.includes(name.toLowerCase())),
    )
  }
  for (const name of dropped) this.removeHeader(name)
  return Reflect.apply(writeHead, this, given)
}
