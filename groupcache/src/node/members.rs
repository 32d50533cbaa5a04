use peers::Member;

/// Reads a list of members.
pub(crate) fn members<M>(list: impl IntoIterator<Item = M>) -> Result<Vec<Member>, peers::Error>
where
    M: TryInto<Member>,
    peers::Error: From<M::Error>,
{
    list.into_iter()
        .map(|member| Ok(member.try_into()?))
        .collect()
}
