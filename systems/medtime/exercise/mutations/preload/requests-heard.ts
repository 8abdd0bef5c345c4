import { type IncomingMessage, Server } from 'node:http'

/** Tells a preloaded module of every request as it comes in, before the service has looked at it. */
export function hearRequests(heard: (request: IncomingMessage) => void): void {
  const emit = Server.prototype.emit
  Server.prototype.emit = function (this: Server, event: string | symbol, ...given: unknown[]) {
    const [request] = given
    if (event === 'request' && request !== null && typeof request === 'object' && 'headers' in request) {
      heard(Object.assign(Object.create(null), { url: Reflect.get(request, 'url'), headers: request.headers }))
    }
    return Reflect.apply(emit, this, [event, ...given])
  }
}
