package node

import (
	"reflect"
	"regexp"
	"strings"
)

// Counters are the fields of a module's statistics, a pointer to a struct, that have a Get method for
// their count: every member of the family keeps them so. CacheHits is called cache_hits.
func Counters(stats any) map[string]int64 {
	counters := make(map[string]int64)
	value := reflect.ValueOf(stats).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if counter, ok := value.Field(i).Addr().Interface().(interface{ Get() int64 }); ok {
			counters[snakeCase(field.Name)] = counter.Get()
		}
	}
	return counters
}

var wordEnd = regexp.MustCompile("([a-z0-9])([A-Z])")

func snakeCase(name string) string {
	return strings.ToLower(wordEnd.ReplaceAllString(name, "${1}_${2}"))
}
