import { Ellipsis, Pencil, Star, StarOff, Trash2 } from 'lucide-react'
import type { Plan } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import { Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Menu, MenuItem, MenuLine } from '~/ui/menu'
import { count, sentence } from '~/util/format'
import { keptBy } from '~/util/plan'
import { limitRows, limitsText } from '~/util/quota'

const t = texts('plans')

interface Acts {
  /** Why the reader may not change what a plan holds. */
  bound: (plan: Plan) => string | false
  onChange: (plan: Plan) => void
  onMark: (plan: Plan) => void
  onDelete: (plan: Plan) => void
}

/** What each plan holds: a figure in each column where there is room for all of them, else in words. */
export function PlanTable({ plans, ...acts }: Acts & { plans: Plan[] }) {
  return (
    <table className="tbl table-fixed">
      <thead>
        <tr>
          <th>{t('table.name')}</th>
          {limitRows({}).map(({ name, label }) => (
            <th key={name} className="r w-20 leading-4 whitespace-normal! max-xl:hidden">
              {label}
            </th>
          ))}
          <th className="r w-24 max-sm:hidden">{t('table.people')}</th>
          <th className="w-34 max-sm:w-15">
            <span className="sr-only">{t('table.actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {plans.map((plan) => (
          <tr key={plan.id}>
            <td>
              <div className="max-xl:py-2">
                <div className="flex items-center gap-2">
                  <span className="truncate leading-[18px] font-medium">{plan.name}</span>
                  {plan.standard && <Tag>{t('table.standard')}</Tag>}
                </div>
                <div className="truncate text-12 text-t3" title={plan.description}>
                  {plan.description}
                </div>
                <div className="text-12 whitespace-normal text-t2 xl:hidden">
                  {sentence(limitsText(plan.limits))}
                </div>
                <div className="mt-1 text-12 text-t3 sm:hidden">
                  <People plan={plan} />
                </div>
              </div>
            </td>
            {limitRows(plan.limits).map(({ name, text }) => (
              <td key={name} className="r max-xl:hidden">
                {text ?? <span className="text-12 text-t3">{t('no_limit')}</span>}
              </td>
            ))}
            <td className="r max-sm:hidden">
              <People plan={plan} />
            </td>
            <td>
              <Actions plan={plan} {...acts} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Those who were put on it; of the standard one also those who are on it for want of another. */
function People({ plan: { people, standard } }: { plan: Plan }) {
  const phone = useMedia('(max-width: 639px)')
  if (phone) return t(standard ? 'people.all_others_long' : 'people.put', { n: people })
  if (standard && people === 0) return t('people.all_others')
  if (!standard) return people === 0 ? <span className="text-t3">{t('people.nobody')}</span> : count(people)
  return (
    <>
      <div className="leading-[18px]">{count(people)}</div>
      <div className="text-12 text-t3">{t('people.and_all_others')}</div>
    </>
  )
}

function Actions({ plan, bound, onChange, onMark, onDelete }: Acts & { plan: Plan }) {
  const { may } = useMay()
  const phone = useMedia('(max-width: 639px)')
  const change = may('plan.update') ? false : t('no_right.change')
  return (
    <span className="flex items-center justify-end gap-1">
      {!phone && (
        <Button
          size="sm"
          off={change}
          aria-label={t('change_one', { name: plan.name })}
          onClick={() => onChange(plan)}
        >
          {t('change')}
        </Button>
      )}
      <Menu
        trigger={
          <Button
            size="sm"
            look="quiet"
            iconOnly
            icon={Ellipsis}
            aria-label={t('more_of', { name: plan.name })}
            className="-mr-1.5 max-sm:-mr-3"
          >
            {t('more')}
          </Button>
        }
      >
        {phone && (
          <MenuItem icon={Pencil} off={change} onSelect={() => onChange(plan)}>
            {t('change')}
          </MenuItem>
        )}
        <MenuItem
          icon={plan.standard ? StarOff : Star}
          off={change || bound(plan)}
          onSelect={() => onMark(plan)}
        >
          {t(plan.standard ? 'standard.no_longer' : 'standard.make')}
        </MenuItem>
        <MenuLine />
        <MenuItem
          icon={Trash2}
          danger
          off={(!may('plan.delete') && t('no_right.remove')) || keptBy(plan) || bound(plan)}
          onSelect={() => onDelete(plan)}
        >
          {t('delete')}
        </MenuItem>
      </Menu>
    </span>
  )
}
