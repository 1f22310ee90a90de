import type { Node } from '~/api/types'
import { Field, Input } from '~/ui/field'

export interface Ports {
  /** As typed; empty takes the first free one. */
  primary: string
  extra: number
}

export function badPort(port: string): boolean {
  return port !== '' && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)
}

export function PortFields({
  ports,
  node,
  errors,
  onChange,
}: {
  ports: Ports
  node: Node | undefined
  errors: Record<string, string>
  onChange: (ports: Ports) => void
}) {
  const wrong = badPort(ports.primary) ? '1 to 65535' : undefined
  return (
    <div className="grid grid-cols-2 items-start gap-4 max-md:grid-cols-1">
      <Field
        label="Port"
        note="optional"
        help={
          node
            ? `Empty takes the first free one of ${node.port_range.first} to ${node.port_range.last}`
            : 'Empty takes the first free one'
        }
        error={errors['ports.primary'] ?? errors.ports ?? wrong}
      >
        {(ids) => (
          <Input
            {...ids}
            inputMode="numeric"
            value={ports.primary}
            onChange={(event) => onChange({ ...ports, primary: event.target.value.trim() })}
          />
        )}
      </Field>
      <Field label="Extra ports" help="For query, voice or a web map" error={errors['ports.extra']}>
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={0}
            max={20}
            value={ports.extra}
            onChange={(event) => onChange({ ...ports, extra: Math.max(0, Number(event.target.value) || 0) })}
          />
        )}
      </Field>
    </div>
  )
}
