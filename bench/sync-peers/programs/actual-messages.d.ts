export interface Message {
  timestamp: string
  isEncrypted: boolean
  content: Uint8Array
}

export function encodeRequest(request: {
  fileId: string
  groupId: string
  keyId: string
  since: string
  messages: Message[]
}): Uint8Array<ArrayBuffer>

export function decodeResponse(bytes: Uint8Array): Message[]
