import type { Preset } from '~/api/types'
import { texts } from '~/i18n/texts'
import { cx } from '~/util/cx'
import { sentence } from '~/util/format'
import { fewOf, lackedOf, presetOf } from '~/util/rights'

const t = texts('lists')

/** Sets of rights that are often given, each with what it is for. */
export function PresetPicker({
  presets,
  chosen,
  mine,
  onChoose,
}: {
  presets: Preset[]
  chosen: ReadonlySet<string>
  mine: ReadonlySet<string>
  onChoose: (preset: Preset) => void
}) {
  const now = presetOf(chosen, presets)
  return (
    <div role="group" aria-label={t('presets')} className="grid grid-cols-4 gap-2 max-md:grid-cols-2">
      {presets.map((preset) => {
        const lacked = lackedOf(preset.keys, mine)
        const off = lacked.length > 0
        return (
          <button
            key={preset.name}
            type="button"
            aria-pressed={now?.name === preset.name}
            aria-disabled={off || undefined}
            title={off ? t('presets.lack_yourself', { rights: fewOf(lacked) }) : undefined}
            onClick={() => !off && onChoose(preset)}
            className={cx(
              'tx flex flex-col items-start rounded-box border px-3 py-2 text-left',
              now?.name === preset.name
                ? 'border-accent-line bg-accent-tint'
                : off
                  ? 'border-line text-off'
                  : 'border-line-2 bg-surface-2 hover:bg-surface-3',
            )}
          >
            <span className="font-medium">{sentence(preset.name)}</span>
            <span className={cx('text-12', off ? 'text-t3' : 'text-t2')}>
              {off ? t('presets.lack', { rights: fewOf(lacked, 1) }) : preset.description}
            </span>
          </button>
        )
      })}
    </div>
  )
}
