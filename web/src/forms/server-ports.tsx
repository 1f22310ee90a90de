import type { Node } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Field, Input } from '~/ui/field'

const t = texts('server_new')

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
  const wrong = badPort(ports.primary) ? t('ports.range') : undefined
  return (
    <div className="grid grid-cols-2 items-start gap-4 max-md:grid-cols-1">
      <Field
        label={t('ports.port')}
        note={t('optional')}
        help={
          node
            ? t('ports.empty_of', { first: node.port_range.first, last: node.port_range.last })
            : t('ports.empty')
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
      <Field label={t('ports.extra')} help={t('ports.extra_help')} error={errors['ports.extra']}>
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
