import { Ellipsis, Pencil, Star, StarOff, Trash2 } from 'lucide-react'
import type { Plan } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { useMedia } from '~/hooks/use-media'
import { Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Menu, MenuItem, MenuLine } from '~/ui/menu'
import { count, plural, sentence } from '~/util/format'
import { keptBy } from '~/util/plan'
import { limitRows, limitsText } from '~/util/quota'

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
          <th>Name</th>
          {limitRows({}).map(({ name, label }) => (
            <th key={name} className="r w-22 max-xl:hidden">
              {label}
            </th>
          ))}
          <th className="r w-32 max-sm:hidden">People</th>
          <th className="w-36 max-sm:w-15">
            <span className="sr-only">Actions</span>
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
                  {plan.standard && <Tag>standard</Tag>}
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
                {text ?? <span className="text-t3">no limit</span>}
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
  if (phone) {
    const put = people === 0 ? 'Nobody' : plural(people, 'person', 'people')
    if (!standard) return put
    return people === 0 ? 'All who are on no other' : `${put} and all who are on no other`
  }
  if (standard && people === 0) return 'all others'
  if (!standard) return people === 0 ? <span className="text-t3">nobody</span> : count(people)
  return (
    <>
      <div className="leading-[18px]">{count(people)}</div>
      <div className="text-12 text-t3">and all others</div>
    </>
  )
}

function Actions({ plan, bound, onChange, onMark, onDelete }: Acts & { plan: Plan }) {
  const { may } = useMay()
  const phone = useMedia('(max-width: 639px)')
  const change = may('plan.update') ? false : 'You may not change plans'
  return (
    <span className="flex items-center justify-end gap-1">
      {!phone && (
        <Button size="sm" off={change} aria-label={`Change ${plan.name}`} onClick={() => onChange(plan)}>
          Change
        </Button>
      )}
      <Menu
        trigger={
          <Button
            size="sm"
            look="quiet"
            iconOnly
            icon={Ellipsis}
            aria-label={`More of ${plan.name}`}
            className="-mr-1.5 max-sm:-mr-3"
          >
            More
          </Button>
        }
      >
        {phone && (
          <MenuItem icon={Pencil} off={change} onSelect={() => onChange(plan)}>
            Change
          </MenuItem>
        )}
        <MenuItem
          icon={plan.standard ? StarOff : Star}
          off={change || bound(plan)}
          onSelect={() => onMark(plan)}
        >
          {plan.standard ? 'No longer the standard' : 'Make it the standard'}
        </MenuItem>
        <MenuLine />
        <MenuItem
          icon={Trash2}
          danger
          off={(!may('plan.delete') && 'You may not remove plans') || keptBy(plan) || bound(plan)}
          onSelect={() => onDelete(plan)}
        >
          Delete
        </MenuItem>
      </Menu>
    </span>
  )
}
