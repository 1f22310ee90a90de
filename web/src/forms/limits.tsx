import type { Limits } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Field, Input } from '~/ui/field'
import { bytesText, fromMib, toMib, trimmed } from '~/util/format'
import { BackupsLimit } from './limit-backups'
import { DatabasesLimit } from './limit-databases'
import { UploadLimit } from './limit-upload'

const t = texts('server_fields')
const upload = texts('upload_limit')

interface Props {
  limits: Limits
  errors: Record<string, string>
  disabled?: boolean
  onChange: (limits: Limits) => void
}

/** Memory, disk and swap in MiB, CPU in percent of a core. 0 means no limit, and says so. */
export function LimitFields({ limits, errors, disabled = false, onChange }: Props) {
  const size = (key: 'memory_bytes' | 'disk_bytes' | 'swap_bytes', label: string, none: string) => (
    <Field
      label={label}
      note={t('limits.mib')}
      help={limits[key] > 0 ? bytesText(limits[key], true) : none}
      error={errors[`limits.${key}`] ?? errors[key]}
    >
      {(ids) => (
        <Input
          {...ids}
          type="number"
          min={0}
          step={128}
          inputMode="numeric"
          disabled={disabled}
          value={toMib(limits[key])}
          onChange={(event) =>
            onChange({ ...limits, [key]: fromMib(Math.max(0, Number(event.target.value) || 0)) })
          }
        />
      )}
    </Field>
  )
  const cores = limits.cpu_percent / 100
  return (
    <div className="grid grid-cols-2 items-start gap-4 max-md:grid-cols-1">
      {size('memory_bytes', t('limits.memory'), t('limits.memory_none'))}
      {size('disk_bytes', t('limits.disk'), t('limits.none'))}
      <Field
        label={t('limits.cpu')}
        note={t('limits.cpu_note')}
        help={
          limits.cpu_percent > 0 ? t('limits.cores', { n: cores, cores: trimmed(cores) }) : t('limits.none')
        }
        error={errors['limits.cpu_percent'] ?? errors.cpu_percent}
      >
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={0}
            step={25}
            inputMode="numeric"
            disabled={disabled}
            value={limits.cpu_percent}
            onChange={(event) =>
              onChange({ ...limits, cpu_percent: Math.max(0, Number(event.target.value) || 0) })
            }
          />
        )}
      </Field>
      {size('swap_bytes', t('limits.swap'), t('limits.swap_none'))}
      <DatabasesLimit
        most={limits.databases}
        error={errors['limits.databases'] ?? errors.databases}
        disabled={disabled}
        onChange={(databases) => onChange({ ...limits, databases })}
      />
      <BackupsLimit
        most={limits.backups}
        error={errors['limits.backups'] ?? errors.backups}
        disabled={disabled}
        onChange={(backups) => onChange({ ...limits, backups })}
      />
      <UploadLimit
        most={limits.upload_bytes ?? null}
        none={upload('panel')}
        error={errors['limits.upload_bytes'] ?? errors.upload_bytes}
        disabled={disabled}
        onChange={(upload_bytes) => onChange({ ...limits, upload_bytes })}
      />
    </div>
  )
}
