import { parseXml, XmlElement } from '@rgrove/parse-xml'

/** The service answered, and refused. */
export class S3Refusal extends Error {
  readonly status: number
  /** The service's own code such as `AccessDenied`; `HTTP <status>` when it gave none. */
  readonly code: string
  /** What the service's clock showed, milliseconds since the epoch. */
  readonly serverTime: number | undefined
  constructor(status: number, code: string, message: string, serverTime: number | undefined) {
    super(message === '' ? code : `${code}, ${message}`)
    this.status = status
    this.code = code
    this.serverTime = serverTime
  }
}

/** No answer came, or it broke off: whether the request was carried out is unknown. */
export class NoAnswer extends Error {}

/** An element of an answer, read leniently: what is not there is undefined. */
export interface Answered {
  name: string
  text(child: string): string | undefined
  all(child: string): Answered[]
}

/** Reads an XML answer. @throws NoAnswer when it is none: a proxy answered, or it was cut off. */
export function readXml(body: string): Answered {
  try {
    const { root } = parseXml(body)
    if (root) return answered(root)
  } catch (cause) {
    throw new NoAnswer('its answer is not XML', { cause })
  }
  throw new NoAnswer('its answer is empty')
}

function answered(element: XmlElement): Answered {
  const children = element.children.filter((child) => child instanceof XmlElement)
  const named = (name: string) => children.filter((child) => child.name === name)
  return {
    name: element.name,
    text: (name) => named(name)[0]?.text,
    all: (name) => named(name).map(answered),
  }
}

/** What a refusal says; its text is the service's own, cut short. */
export function refusal(status: number, body: string, date: string | undefined): S3Refusal {
  const serverTime = date === undefined || Number.isNaN(Date.parse(date)) ? undefined : Date.parse(date)
  try {
    const error = readXml(body)
    const code = error.text('Code')
    if (code !== undefined) {
      return new S3Refusal(status, code, (error.text('Message') ?? '').slice(0, 200), serverTime)
    }
  } catch {
    // A HEAD has no body, and proxies answer in HTML: the status must do.
  }
  return new S3Refusal(status, `HTTP ${status}`, '', serverTime)
}
