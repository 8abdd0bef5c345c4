import { isIP, isIPv4 } from 'node:net'

/**
 * Whom a limit by address counts. An IPv6 address is counted by its first 64 bits, all of which one household or one attacker
 * has; an IPv4 address in IPv6 clothes is that IPv4 address.
 * @param address as the socket or a trusted proxy tells it
 * @param otherwise when that is no address
 */
export function countedAddress(address: string, otherwise: string): string {
  if (isIPv4(address)) return address
  if (isIP(address) === 0) return otherwise
  const groups = groupsOf(address)
  const [high = 0, low = 0] = groups.slice(6)
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  // The parser of URLs brings every way of writing an address to one.
  const host = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [before = '', after = ''] = host.split('::')
  const numbers = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const [first, last] = [numbers(before), numbers(after)]
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
}
