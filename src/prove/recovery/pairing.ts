import type { OwnedServer } from '../../postgres/server.ts'

/** A standby as the steps of a failover find it. */
export interface Pairing {
  pairFile: string
  standby: OwnedServer
  /** The primary that is killed. */
  primary: OwnedServer
  start(dataDirectory: string): Promise<OwnedServer>
}
