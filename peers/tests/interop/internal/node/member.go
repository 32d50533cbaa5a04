package node

import (
	"fmt"
	"net/url"
	"strings"
)

// Member is one node of the cluster: the ring hashes the ID, the peers dial the URL. They are the same
// unless a member is written ID=URL.
type Member struct {
	ID  string
	URL string
}

// parseMember reads "URL" or "ID=URL". The text is kept as it is, since to most of the family it is the
// label on the ring.
func (module Module) parseMember(text string) (Member, error) {
	m := Member{ID: text, URL: text}
	if id, rest, ok := strings.Cut(text, "="); ok && !strings.Contains(id, "://") {
		m = Member{ID: id, URL: rest}
	}
	u, err := url.Parse(m.URL)
	if err != nil {
		return Member{}, err
	}
	if u.Scheme != "http" || u.Host == "" || u.Path != "" || m.ID == "" {
		return Member{}, fmt.Errorf("member %q is not http://host:port or ID=http://host:port", text)
	}
	if m.ID != m.URL && !module.IDs {
		return Member{}, fmt.Errorf("member %s: this module has no IDs apart from URLs", m)
	}
	return m, nil
}

// Address is the host:port of the URL.
func (m Member) Address() string {
	return strings.TrimPrefix(m.URL, "http://")
}

// String is the form that a member is read from.
func (m Member) String() string {
	if m.ID == m.URL {
		return m.URL
	}
	return m.ID + "=" + m.URL
}

// URLs of the members, for a module that hashes what it dials.
func URLs(members []Member) []string {
	urls := make([]string, len(members))
	for i, m := range members {
		urls[i] = m.URL
	}
	return urls
}

func (module Module) parseMembers(texts []string) ([]Member, error) {
	members := make([]Member, len(texts))
	for i, text := range texts {
		m, err := module.parseMember(text)
		if err != nil {
			return nil, err
		}
		members[i] = m
	}
	return members, nil
}

func splitList(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
